// SPDX-License-Identifier: Apache-2.0
import Kecs

let apiVersion = "kecsctl/v1"

/// `{"apiVersion":"kecsctl/v1","kind":"BackupReport","results":[…]}`, and `error` when there was nothing to work on.
struct OperationDocument<Report: OperationReport>: Encodable {
    let apiVersion = kecsctl.apiVersion
    let kind = Report.kind
    var results: [InstanceResult<Report>] = []
    var error: Failure?

    private enum CodingKeys: CodingKey { case apiVersion, kind, results, error }
}

/// `{"apiVersion":"kecsctl/v1","kind":"BackupList","items":[…]}`, and `error` when it could not be made.
struct ListDocument<Item: Encodable>: Encodable {
    let apiVersion = kecsctl.apiVersion
    let kind: String
    var items: [Item] = []
    var totals: BackupTotals?
    var error: Failure?

    private enum CodingKeys: CodingKey { case apiVersion, kind, items, totals, error }
}

/// `{"apiVersion":"kecsctl/v1","kind":"QueryReport", …}`: the fields of one report that is not about a list of
/// instances.
struct ReportDocument<Report: Encodable>: Encodable {
    let kind: String
    let report: Report

    private enum CodingKeys: CodingKey { case apiVersion, kind }

    func encode(to encoder: any Encoder) throws {
        try report.encode(to: encoder)
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encode(apiVersion, forKey: .apiVersion)
        try fields.encode(kind, forKey: .kind)
    }
}

/// `{"apiVersion":"kecsctl/v1","kind":"Error","error":{…}}`: the command line itself was wrong.
struct ErrorDocument: Encodable {
    let apiVersion = kecsctl.apiVersion
    let kind = "Error"
    let error: Failure

    private enum CodingKeys: CodingKey { case apiVersion, kind, error }
}

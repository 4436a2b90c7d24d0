// SPDX-License-Identifier: Apache-2.0
public import Kecs

/// The result of `doctor`. In JSON: `{"apiVersion":…,"kind":"DoctorReport","results":[…],"summary":{…}}`.
public struct DoctorReport: Sendable {
    public static let kind = "DoctorReport"
    /// The findings, the worst first, then by instance and id; passed checks come last.
    public var findings: [Finding]

    /// The repairs that `--fix` made, or would make; nil without it.
    public var repairs: [RepairResult]?

    public struct Summary: Encodable, Hashable, Sendable {
        public var ok = 0
        public var info = 0
        public var notLookedAt = 0
        public var warning = 0
        public var error = 0
    }

    public var summary: Summary {
        findings.reduce(into: Summary()) { sum, finding in
            switch finding.severity {
            case .ok: sum.ok += 1
            case .info: sum.info += 1
            case .notLooked: sum.notLookedAt += 1
            case .warning: sum.warning += 1
            case .error: sum.error += 1
            }
        }
    }

    public init(_ findings: [Finding]) {
        func key(_ finding: Finding) -> (Int, String, String, String) {
            (-finding.severity.rank, finding.instance ?? "", finding.id, finding.message)
        }
        self.findings = findings.sorted { key($0) < key($1) }
    }

    /// True when anything that could not be examined counts as failed, as before production.
    public var isStrict = false

    /// Returns true when anything is at least as severe.
    public func fails(on severity: Severity) -> Bool {
        findings.contains { $0.severity >= severity || isStrict && $0.severity == .notLooked }
    }
}

extension DoctorReport: Encodable {
    private enum CodingKeys: String, CodingKey { case apiVersion, kind, results, repairs, summary }

    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encode("kecsctl/v1", forKey: .apiVersion)
        try fields.encode(Self.kind, forKey: .kind)
        try fields.encode(findings, forKey: .results)
        try fields.encodeIfPresent(repairs, forKey: .repairs)
        try fields.encode(summary, forKey: .summary)
    }
}

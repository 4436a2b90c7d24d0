// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

extension PastDrills {
    /// Writes the evidence of another drill, and removes the oldest.
    ///
    /// - Returns: The file of the evidence.
    func add(_ result: InstanceResult<DrillReport>, at moment: Moment, passed: Bool) throws -> FilePath {
        struct Evidence: Encodable {
            var apiVersion = "kecsctl/v1"
            var kind = DrillReport.kind
            var results: [InstanceResult<DrillReport>]
        }
        try folder.createFolder()
        let file = try FreeName.first { number in
            let name = "\(moment.compact)-\(passed ? "passed" : "failed")" + (number > 1 ? "-\(number)" : "")
            let file = folder.appending(name + ".json")
            return try file.isPresent ? nil : file
        }
        var report = result.report
        report?.evidence = file.string
        try JSONFile.write(
            Evidence(results: [report.map { InstanceResult(result.instance, $0) } ?? result]), to: file)
        try folder.sync()
        for old in all.dropLast(Self.kept - 1) { try old.file.remove() }
        return file
    }
}

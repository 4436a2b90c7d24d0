// SPDX-License-Identifier: Apache-2.0
import Subprocess
import SystemPackage

extension Environment {
    /// Passes exactly these variables, except for names that no program could ask for: Subprocess would refuse the
    /// whole call.
    static func variables(_ all: [String: String]) -> Environment {
        var kept: [Key: String] = [:]
        for (name, value) in all {
            guard let first = name.utf8.first, !(0x30...0x39).contains(first), !name.utf8.contains(0x3D),
                !name.utf8.contains(0), !value.utf8.contains(0)
            else { continue }
            kept[Key(stringLiteral: name)] = value
        }
        return .custom(kept)
    }
}

extension SubprocessError {
    /// Returns why a program could not be started, in the system's words where there are any.
    func reason(folder: FilePath?) -> String {
        let why = underlyingError.map { "\($0)" } ?? description
        if code == .failedToChangeWorkingDirectory, let folder { return "its folder \(folder): \(why)" }
        return why
    }
}

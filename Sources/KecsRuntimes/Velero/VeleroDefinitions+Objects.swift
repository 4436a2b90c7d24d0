// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsVelero

extension VeleroDefinitions {
    /// Returns the definitions as objects, with the label that Velero's own installer gives them.
    static func objects() throws -> [JSONValue] {
        try files.map { file in
            guard case .object(var definition) = try ComposeYAML.parse(file.yaml),
                case .object(var metadata)? = definition["metadata"]
            else { return .null }
            metadata["labels"] = ["component": "velero"]
            definition["metadata"] = .object(metadata)
            return .object(definition)
        }
    }
}

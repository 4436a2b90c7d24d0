// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSystem

/// The fields of `docker image inspect` that matter here: the defaults for its containers.
struct DockerImage: Decodable, Hashable, Sendable {
    var id: String
    /// "", "1001", "app:staff"
    var user: String
    var variables: [String: String]
    var workingFolder: String

    /// True for KECS's own image, or one whose server gets variables that only KECS reads.
    var isKECS: Bool { variables.keys.contains { $0.hasPrefix("KECS_") } }

    private enum CodingKeys: String, CodingKey {
        case id = "Id"
        case config = "Config"
    }
    private struct Config: Decodable {
        var user: String?
        var variables: [String]?
        var workingFolder: String?
        private enum CodingKeys: String, CodingKey {
            case user = "User"
            case variables = "Env"
            case workingFolder = "WorkingDir"
        }
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        id = try container.decode(String.self, forKey: .id)
        let config = try container.decodeIfPresent(Config.self, forKey: .config)
        user = config?.user ?? ""
        workingFolder = config?.workingFolder ?? ""
        variables = DockerContainer.variables(of: config?.variables ?? [])
    }
}

// SPDX-License-Identifier: Apache-2.0

/// What docker compose writes on the containers and volumes that it makes, v1 and v2 alike.
enum ComposeLabel {
    static let project = "com.docker.compose.project"
    static let service = "com.docker.compose.service"
    /// "True" on a container of `compose run`.
    static let oneOff = "com.docker.compose.oneoff"

    static func project(of labels: [String: String]) -> String? { labels[project] }
}

// SPDX-License-Identifier: Apache-2.0

/// The labels that docker compose writes on its containers and volumes, the same in v1 and v2 unless noted otherwise.
enum ComposeLabel {
    static let project = "com.docker.compose.project"
    static let service = "com.docker.compose.service"
    static let volume = "com.docker.compose.volume"
    static let version = "com.docker.compose.version"
    /// "True" on a container of `compose run`.
    static let oneOff = "com.docker.compose.oneoff"
    /// The files, with commas; v1's are relative to the working directory.
    static let files = "com.docker.compose.project.config_files"
    static let folder = "com.docker.compose.project.working_dir"
    /// The files of `--env-file`, with commas; v2 only.
    static let environmentFiles = "com.docker.compose.project.environment_file"
    /// v2: "db:service_healthy:false,cache:service_started:true"
    static let dependsOn = "com.docker.compose.depends_on"

    static func project(of labels: [String: String]) -> String? { labels[project] }
}

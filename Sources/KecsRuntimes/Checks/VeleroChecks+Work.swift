// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsDoctor
import KecsSQLite
import KecsSystem
import KecsVelero

/// What Velero was asked for.
extension VeleroChecks {
    /// In seconds: Velero takes up what is new within one.
    private static let takeUp: Int64 = 30
    /// In seconds: Velero removes a backup within one, unless its store is slow.
    private static let removal: Int64 = 600

    @Sendable static func stuck(_ answer: Answer) -> [Finding] {
        let all = answer.all("Backup") + answer.all("Restore")
        let busy = all.first { object in
            if case .working = VeleroPhase(object["status"]?["phase"]?.string) { return true }
            return false
        }
        return all.compactMap { object in
            guard case .waiting(let phase) = VeleroPhase(object["status"]?["phase"]?.string),
                let age = answer.age(object), age > takeUp
            else { return nil }
            let name = object["metadata"]?["name"]?.string ?? ""
            let word = object["kind"]?.string == "Restore" ? "restore" : "backup"
            let why =
                busy.map {
                    "Velero works on \($0["metadata"]?["name"]?.string ?? "") first (\($0["status"]?["phase"]?.string ?? ""))"
                } ?? "Velero works on nothing else, and has not taken it up"
            return Finding(
                busy == nil ? .warning : .info,
                "the \(word) \(name) of “\(answer.name)” is \(phase) for \(age) s: \(why)",
                [
                    "name": .string(name), "phase": .string(phase), "seconds": .integer(age),
                    "behind": busy?["metadata"]?["name"] ?? .null,
                ], remedy: "kecsctl start \(answer.name)")
        }
    }

    /// The restores of before are history.
    @Sendable static func lastRestore(_ answer: Answer) throws -> [Finding] {
        let restores = answer.all("Restore").sorted {
            ($0["metadata"]?["creationTimestamp"]?.string ?? "")
                > ($1["metadata"]?["creationTimestamp"]?.string ?? "")
        }
        guard let last = restores.first, let phase = last["status"]?["phase"]?.string,
            let name = last["metadata"]?["name"]?.string,
            ["PartiallyFailed", "Failed", "FailedValidation"].contains(phase)
        else { return [] }
        var reasons =
            [last["status"]?["failureReason"]?.string].compactMap(\.self)
            + (last["status"]?["validationErrors"]?.array ?? []).compactMap(\.string)
        if reasons.isEmpty {
            let store = HostStore(instance: answer.facts.instance, machine: answer.site.machine)
            reasons = try store.results(ofRestore: name).errors
        }
        let told = reasons.prefix(HostStore.errorLimit).map(VeleroReason.translated)
        let backup = last["spec"]?["backupName"]?.string ?? ""
        return [
            Finding(
                .warning,
                "the last restore of “\(answer.name)”, \(name) of \(backup), ended as \(phase)"
                    + (told.isEmpty ? "" : ": \(told.joined(separator: "; "))"),
                [
                    "phase": .string(phase), "backup": .string(backup),
                    "errors": .array(told.map(JSONValue.string)),
                ],
                remedy: ShellWords.quote([
                    "kecsctl", "restore", "\(answer.name)", "--from", "velero:\(backup)", "--dry-run",
                ]))
        ]
    }

    /// Velero calls a restore completed while volumes are still being filled, and one that is stuck stays so.
    @Sendable static func fillings(_ answer: Answer) -> [Finding] {
        answer.all("PodVolumeRestore").compactMap { volume in
            let phase = volume["status"]?["phase"]?.string ?? "New"
            guard phase != "Completed", let age = answer.age(volume), age > takeUp else { return nil }
            let pod = volume["spec"]?["pod"]
            let place =
                "\(volume["spec"]?["volume"]?.string ?? "?") of \(pod?["namespace"]?.string ?? "")/\(pod?["name"]?.string ?? "")"
            let isOver = ["Failed", "Canceled"].contains(phase)
            return Finding(
                .warning,
                "the volume \(place) in “\(answer.name)” is \(isOver ? "not restored" : "not filled yet") (\(phase))"
                    + (volume["status"]?["message"]?.string.map { ": \(VeleroReason.translated($0))" } ?? ""),
                [
                    "volume": .string(place), "phase": .string(phase),
                    "restore": volume["metadata"]?["labels"]?["velero.io/restore-name"] ?? .null,
                ], remedy: "kecsctl status \(answer.name) --deep")
        }
    }

    @Sendable static func repositories(_ answer: Answer) -> [Finding] {
        answer.all("BackupRepository").compactMap { repository in
            guard repository["status"]?["phase"]?.string == "NotReady" else { return nil }
            let namespace = repository["spec"]?["volumeNamespace"]?.string ?? ""
            let message = repository["status"]?["message"]?.string ?? ""
            return Finding(
                .error,
                "Velero cannot use the volumes' data of the namespace \(namespace) of “\(answer.name)”"
                    + (message.isEmpty ? "" : ": \(VeleroReason.translated(message))"),
                ["namespace": .string(namespace), "message": .string(message)],
                remedy: "kecsctl backups verify --velero --all --instance \(answer.name)")
        }
    }

    @Sendable static func deletions(_ answer: Answer) -> [Finding] {
        answer.all("DeleteBackupRequest").compactMap { request in
            let errors = (request["status"]?["errors"]?.array ?? []).compactMap(\.string)
            let phase = request["status"]?["phase"]?.string ?? "New"
            guard !errors.isEmpty || phase != "Processed" && answer.age(request) ?? 0 > removal else {
                return nil
            }
            let backup = request["spec"]?["backupName"]?.string ?? ""
            let why =
                errors.isEmpty
                ? "the request is \(phase) for \(answer.age(request) ?? 0) s"
                : errors.prefix(HostStore.errorLimit).map(VeleroReason.translated).joined(separator: "; ")
            return Finding(
                .warning,
                "Velero of “\(answer.name)” does not remove its backup \(backup): \(why); a stop does it on this host",
                [
                    "backup": .string(backup), "phase": .string(phase),
                    "errors": .array(errors.map(JSONValue.string)),
                ], remedy: "kecsctl stop \(answer.name)")
        }
    }

    // MARK: The cluster

    @Sendable static func lostVolumes(_ answer: Answer) throws -> [Finding] {
        guard try VeleroSetup.of(answer.facts.instance) != nil else { return [] }
        let found = LostVolumes(hasVolumes: try answer.facts.instance.settings.flag(.veleroVolumes)).find(
            claims: answer.all("PersistentVolumeClaim"), volumes: answer.all("PersistentVolume"),
            pods: answer.all("Pod"))
        return found.map { volume in
            Finding(
                .warning,
                "the volume of \(volume.claim) in “\(answer.name)” will be in no backup: \(volume.why)",
                ["claim": .string(volume.claim), "why": .string(volume.why)],
                remedy: "kecsctl stop \(answer.name) --dry-run")
        }
    }

    /// A server that is newer than its definitions writes phases that they do not allow, and stops there.
    @Sendable static func oldDefinitions(_ answer: Answer) throws -> [Finding] {
        guard try VeleroSetup.of(answer.facts.instance) != nil else { return [] }
        let live = Dictionary(
            answer.items.map { ($0["metadata"]?["name"]?.string ?? "", $0) },
            uniquingKeysWith: { first, _ in first })
        return try VeleroDefinitions.objects().compactMap { ours -> Finding? in
            let name = ours["metadata"]?["name"]?.string ?? ""
            let lacking: [String]
            if let theirs = live[name] {
                lacking = DefinitionValues(ours).subtracting(DefinitionValues(theirs))
            } else {
                lacking = ["all of it"]
            }
            guard !lacking.isEmpty else { return nil }
            return Finding(
                .error,
                "Velero's definition \(name) in “\(answer.name)” is older than Velero \(VeleroImages.release): it lacks \(lacking.prefix(5).joined(separator: ", "))",
                ["definition": .string(name), "lacks": .array(lacking.map(JSONValue.string))],
                remedy: "kecsctl start \(answer.name)")
        }
    }
}

/// The fields that a definition has, and the values that it allows: `status.phase=Queued`.
struct DefinitionValues {
    private var known: Set<String> = []

    init(_ definition: JSONValue) {
        for version in definition["spec"]?["versions"]?.array ?? [] {
            add(version["schema"]?["openAPIV3Schema"], "\(version["name"]?.string ?? "")")
        }
    }

    private mutating func add(_ schema: JSONValue?, _ path: String) {
        for (name, field) in schema?["properties"]?.object ?? [:] {
            known.insert("\(path).\(name)")
            add(field, "\(path).\(name)")
        }
        for value in (schema?["enum"]?.array ?? []).compactMap(\.string) { known.insert("\(path)=\(value)") }
        if let items = schema?["items"] { add(items, path + "[]") }
        if let values = schema?["additionalProperties"], values.object != nil { add(values, path + ".*") }
    }

    func subtracting(_ other: DefinitionValues) -> [String] { known.subtracting(other.known).sorted() }
}

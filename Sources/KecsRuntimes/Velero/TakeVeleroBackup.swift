// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import KecsVelero

/// Has Velero back up the cluster, reads the backup back on this host, and lets older ones go.
struct TakeVeleroBackup: Sendable {
    let machine: Machine
    let kubectl: Kubectl
    let setup: VeleroSetup

    private static let kind = "backups.velero.io"
    /// For all removals together.
    private static let removal = Duration.seconds(60)

    private var instance: Instance { setup.instance }
    private var store: HostStore { HostStore(instance: instance, machine: machine) }

    func run(_ request: ClusterBackupRequest) async throws -> ClusterBackup {
        let began = machine.clock.elapsed()
        let noAgent = try await makeReady()
        var notes = [noAgent].compactMap(\.self) + (try await learnNewKinds())
        let hasVolumes = setup.hasVolumes && noAgent == nil
        let volumes = try await lostVolumes(hasAgent: noAgent == nil)
        let object = try await take(request, hasVolumes: hasVolumes, &notes)
        let name = object["metadata"]?["name"]?.string ?? ""
        let verified = try check(object, name)
        var backup = ClusterBackup(
            name: name, phase: object["status"]?["phase"]?.string ?? "", verdict: verified.verdict.rawValue,
            items: verified.items ?? 0, bytes: verified.bytes, errorCount: verified.errors,
            errors: try store.errors(of: name), warningCount: verified.warnings,
            leftOut: StopBackup.systemNamespaces, lostVolumes: volumes, isOfDegraded: verified.isOfDegraded,
            durationSeconds: 0)
        backup.notes = notes + (verified.verdict == .restorable ? [] : verified.reasons)
        // Velero completes a backup without a volume that it could not read.
        backup.notes += verified.remarks.filter { $0.hasPrefix("the volume ") }
        try await removeOlder(&backup, request)
        backup.durationSeconds = (machine.clock.elapsed() - began).inSeconds
        return backup
    }

    /// A stop that was interrupted leaves it asleep, a start that was leaves its location for reading only.
    ///
    /// - Returns: Why the contents of volumes cannot be backed up although they are wanted: the objects can be all the same.
    private func makeReady() async throws -> String? {
        let namespace = VeleroManifests.namespace
        let location = try await kubectl.object(
            "backupstoragelocations.velero.io", VeleroManifests.location, namespace: namespace)
        let mode = location?["spec"]?["accessMode"]?.string ?? "ReadWrite"
        let waiter = AwaitVelero(
            machine: machine, kubectl: kubectl, instance: instance.name, stall: .zero,
            hasVolumes: setup.hasVolumes)
        if mode == "ReadWrite", location?["status"]?["lastValidationTime"] != nil,
            try await waiter.trouble() == nil
        {
            return nil
        }
        do {
            try await InstallVelero(machine: machine, kubectl: kubectl, setup: setup).run(limit: .seconds(60))
            return nil
        } catch let failure as Failure where setup.hasVolumes {
            var others = waiter
            others.hasVolumes = false
            guard machine.cancellation.reason == nil, try await others.trouble() == nil else { throw failure }
            return "what is in volumes is not in Velero's backup: \(failure.sentence)"
        }
    }

    /// Kinds that Velero does not know yet would be in no backup.
    private func learnNewKinds() async throws -> [String] {
        let namespace = VeleroManifests.namespace
        let new = NewKinds.find(
            definitions: try await kubectl.get(["customresourcedefinitions"], namespace: nil),
            server: try await kubectl.get(
                ["pods"], namespace: namespace, label: "deploy=\(VeleroManifests.server)"),
            location: try await kubectl.object(
                "backupstoragelocations.velero.io", VeleroManifests.location, namespace: namespace))
        guard let first = new.first else { return [] }
        machine.progress.step("starting Velero again, as it does not know \(first) yet", total: nil)
        try await RestartVelero(machine: machine, kubectl: kubectl, instance: instance.name).run()
        return [
            "Velero was started again before, as it did not know \(new.prefix(5).joined(separator: ", ")) yet"
        ]
    }

    // MARK: Backup

    /// One that Velero lost because it was started again is taken once more; under another name, as no name is used twice.
    private func take(
        _ request: ClusterBackupRequest, hasVolumes: Bool, _ notes: inout [String]
    ) async throws -> JSONValue {
        var object = try await takeOne(request, hasVolumes: hasVolumes)
        let reason = object["status"]?["failureReason"]?.string ?? ""
        if VeleroPhase(object["status"]?["phase"]?.string) == .failed("Failed"),
            reason.contains("during the server starting")
        {
            notes.append(
                "Velero was started again during its backup \(object["metadata"]?["name"]?.string ?? ""), "
                    + "and took another one" + (try await lastEnd().map { ": \($0)" } ?? ""))
            _ = try await makeReady()
            object = try await takeOne(request, hasVolumes: hasVolumes)
        }
        return object
    }

    /// Why Velero's server ended last, where its pod still says so.
    private func lastEnd() async throws -> String? {
        try await kubectl.get(
            ["pods"], namespace: VeleroManifests.namespace, label: "deploy=\(VeleroManifests.server)"
        ).compactMap(VeleroEnd.init).first?.sentence
    }

    private func takeOne(_ request: ClusterBackupRequest, hasVolumes: Bool) async throws -> JSONValue {
        machine.progress.step("backing up the cluster", total: nil)
        let name = try await create(request, hasVolumes: hasVolumes)
        return try await AwaitVelero(
            machine: machine, kubectl: kubectl, instance: instance.name, stall: request.stall,
            hasVolumes: hasVolumes
        ).end(of: Self.kind, name, "backing up the cluster")
    }

    /// Creates it under a name that neither the cluster nor the store has.
    private func create(_ request: ClusterBackupRequest, hasVolumes: Bool) async throws -> String {
        var taken = Set(try store.names())
        let known = try await kubectl.get([Self.kind], namespace: VeleroManifests.namespace)
        taken.formUnion(known.compactMap { $0["metadata"]?["name"]?.string })
        for _ in 0..<3 {
            try machine.cancellation.check()
            let name = StopBackup.name(of: "\(instance.name)", at: machine.clock.now(), taken: taken)
            let object = StopBackup(
                name: name, hasVolumes: hasVolumes, isDegraded: request.isDegraded
            ).object
            guard let complaint = try await kubectl.create(object) else { return name }
            // Somebody was faster.
            guard
                try await kubectl.object(Self.kind, name, namespace: VeleroManifests.namespace) != nil
            else {
                throw Failure(
                    .failed, "the cluster of “\(instance.name)” does not take a Backup", cause: complaint,
                    remedy: "kecsctl doctor \(instance.name)")
            }
            taken.insert(name)
        }
        throw Failure(
            .busy, "somebody else makes backups of “\(instance.name)” at the same time",
            cause: "three names in a row were taken", remedy: "kecsctl stop \(instance.name)")
    }

    // MARK: Judgement

    /// By Velero's own word, and then by what lies on this host.
    private func check(_ object: JSONValue, _ name: String) throws -> VeleroBackup {
        let status = object["status"]
        if case .failed(let phase) = VeleroPhase(status?["phase"]?.string) {
            let reasons =
                [status?["failureReason"]?.string].compactMap(\.self)
                + (status?["validationErrors"]?.array ?? []).compactMap(\.string)
            throw Failure(
                .failed, "Velero's backup \(name) of “\(instance.name)” failed",
                cause: "its phase is \(phase)" + (reasons.isEmpty ? "" : ": ")
                    + VeleroReason.translated(reasons.joined(separator: "; ")),
                remedy: "kecsctl doctor \(instance.name)")
        }
        machine.progress.step("verifying \(name)", total: nil)
        guard let backup = try store.verified(name) else {
            throw Failure(
                .damaged, "Velero's backup \(name) of “\(instance.name)” is not on this host",
                cause:
                    "there is no bucket in \(instance.folder.objectStore), although Velero says that it is complete",
                remedy: "kecsctl migrate velero \(instance.name)")
        }
        guard backup.isRestorable else {
            throw Failure(
                .damaged, "Velero's backup \(name) of “\(instance.name)” cannot be restored",
                cause: backup.reasons.prefix(5).joined(separator: "; "),
                remedy: ShellWords.quote(["kecsctl", "backups", "show", "velero:\(instance.name)/\(name)"]))
        }
        return backup
    }

    /// - Parameter hasAgent: False when the node agent does not run, without which no volume is read.
    func lostVolumes(hasAgent: Bool = true) async throws -> [ClusterBackup.Volume] {
        let found = try await kubectl.get(
            ["persistentvolumeclaims", "persistentvolumes", "pods"], namespace: nil, everywhere: true)
        func all(_ kind: String) -> [JSONValue] { found.filter { $0["kind"]?.string == kind } }
        return LostVolumes(
            hasVolumes: setup.hasVolumes && hasAgent,
            whyNot: hasAgent ? LostVolumes.isOff : "Velero's node agent does not run"
        ).find(
            claims: all("PersistentVolumeClaim"), volumes: all("PersistentVolume"), pods: all("Pod")
        ).map { ClusterBackup.Volume(claim: $0.claim, why: $0.why) }
    }

    // MARK: Retention

    /// Velero does it, with all that belongs to them. What it does not do within a minute is told, and done on this host when the
    /// store is at rest.
    private func removeOlder(_ backup: inout ClusterBackup, _ request: ClusterBackupRequest) async throws {
        let names = KeepStopBackups(isDegraded: request.isDegraded).superfluous(try store.all())
        guard !names.isEmpty else { return }
        machine.progress.step("removing older backups of the cluster", total: nil)
        var asked: Set<String> = []
        var why: [String: String] = [:]
        for name in names {
            try machine.cancellation.check()
            let found = try await kubectl.object(Self.kind, name, namespace: VeleroManifests.namespace)
            guard let uid = found?["metadata"]?["uid"]?.string else {
                why[name] = "the cluster does not know it"
                continue
            }
            let request = VeleroDeletion(backup: name, uid: uid, time: machine.clock.now())
            if let complaint = try await kubectl.create(request.object) {
                why[name] = complaint
            } else {
                asked.insert(name)
            }
        }
        _ = try await machine.clock.wait(upTo: Self.removal, every: .milliseconds(500)) {
            try machine.cancellation.check()
            let left = try await kubectl.get([Self.kind], namespace: VeleroManifests.namespace)
            asked.formIntersection(left.compactMap { $0["metadata"]?["name"]?.string })
            guard !asked.isEmpty else { return true }
            for request in try await kubectl.get(
                ["deletebackuprequests.velero.io"], namespace: VeleroManifests.namespace)
            {
                guard let name = request["spec"]?["backupName"]?.string, asked.contains(name),
                    let error = request["status"]?["errors"]?.array?.first?.string
                else { continue }
                why[name] = error
                asked.remove(name)
            }
            return asked.isEmpty
        }
        for name in asked { why[name] = "Velero did not do it within \(Self.removal)" }
        backup.removed = names.filter { why[$0] == nil }
        backup.notRemoved = names.filter { why[$0] != nil }
        backup.notes += backup.notRemoved.map { "Velero did not remove its backup \($0): \(why[$0] ?? "")" }
    }
}

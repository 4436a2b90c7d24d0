// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSystem

extension TakeBackup {
    /// A backup that is there.
    struct Written {
        var stored: StoredBackup
        var captured: CaptureParts.Captured
        var found: FindLosses.Found
        /// Why the images are not beside it.
        var imagesFailure: Failure?
    }

    /// Captures, archives, reads back, and makes the backup visible. After an error nothing of it is left.
    func write(_ plan: BackupPlan, of instance: Instance, _ request: BackupRequest) async throws -> Written {
        let draft = try BackupDraft(
            in: instance.backups, reason: request.reason, at: site.machine.clock.now())
        do {
            let captured = try await capture(plan, of: instance, into: draft)
            let found = try plan.losses.find(in: captured.parts, plan.parts)
            var manifest = await manifest(of: instance, draft.id, captured.parts, plan, request)
            manifest.lacks = found.lacks
            manifest.acceptedLosses = found.accepted.isEmpty ? nil : found.accepted
            manifest.remarks = found.remarks.isEmpty ? nil : found.remarks
            var imagesFailure: Failure?
            do {
                manifest.images = try await SaveImages(site: site, instance: instance).run(
                    saves: try instance.settings.flag(.withImages))
            } catch {
                // The data are worth more than an image, which a registry may still have.
                imagesFailure = Failure.describing(
                    error, doing: "save the images of “\(instance.name)” beside its backups")
            }
            try site.machine.cancellation.check()
            if let sealing = plan.sealing, sealing.hidesNames {
                manifest = try await SealParts(
                    site: site, draft: draft, cipher: plan.cipher, sealing: sealing
                ).hideNames(of: manifest)
            }
            return Written(
                stored: try draft.commit(manifest), captured: captured, found: found,
                imagesFailure: imagesFailure)
        } catch {
            draft.discard()
            throw error
        }
    }

    private func capture(
        _ plan: BackupPlan, of instance: Instance, into draft: BackupDraft
    ) async throws -> CaptureParts.Captured {
        let capture = CaptureParts(
            site: site, instance: instance, runtime: plan.runtime, draft: draft, look: plan.look,
            freezing: try freezing(instance), ignoreChanging: try instance.settings.globs(.ignoreChanging))
        var captured = try await capture.run(
            plan.parts, plan.volumes, consistency: plan.consistency, wasRunning: plan.state.mayWrite)
        for index in captured.parts.indices {
            let name = captured.parts[index].name
            captured.parts[index].excluded?.databases = plan.leftOut[name]
            captured.parts[index].pathInside =
                plan.inventory.parts.first { $0.part.name == name }?.pathInside
            guard plan.exclusions.concern(name), plan.volumes.contains(where: { $0.name == name }) else {
                continue
            }
            captured.parts[index].warnings.append(
                "nothing was left out: its volume is not open to this user, and comes as a whole")
        }
        if let sealing = plan.sealing {
            try await SealParts(site: site, draft: draft, cipher: plan.cipher, sealing: sealing).run(
                &captured.parts)
        }
        try draft.noteReadings(of: &captured.parts, at: site.machine.clock.now())
        return captured
    }

    private func manifest(
        of instance: Instance, _ id: BackupID, _ parts: [Manifest.Part], _ plan: BackupPlan,
        _ request: BackupRequest
    ) async -> Manifest {
        var manifest = Manifest(
            id: id, instance: instance.name.description, instanceId: instance.config.id, tool: site.tool,
            runtime: Manifest.Runtime(
                kind: instance.config.runtime.rawValue, versions: await plan.runtime.versions()),
            degraded: instance.config.degraded != nil,
            schemaVersion: parts.lazy.flatMap(\.databases)
                .first { $0.path == InstanceFolder.databaseName }?.userVersion.map { Int($0) },
            labels: request.labels, verified: true, parts: parts)
        manifest.sequence = plan.judged.nextSequence
        manifest.selected = request.parts
        return manifest
    }
}

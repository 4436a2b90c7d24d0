// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsState
import KecsSystem
import Synchronization
import SystemPackage

/// Recovers every cluster and service in the state database that does not exist yet.
///
/// The steps are a `RecoveryPlan`. Everything is applied, so that a second run changes nothing, and every object bears
/// the recovery's label, so that it can be undone.
public struct RecoverInstance: Sendable {
    let site: Site
    let ground: any RecoveryGround
    /// Prints the lines of the State Recovery Guide.
    let log: @Sendable (String) -> Void

    public init(site: Site, ground: any RecoveryGround, log: @escaping @Sendable (String) -> Void) {
        self.site = site
        self.ground = ground
        self.log = log
    }

    /// Recovers the instance's services and tasks. Call it under the instance's lock.
    ///
    /// - Throws: `Failure(.unreachable)` when the clusters cannot be determined: then nothing has been changed.
    public func run(_ instance: Instance, _ request: RecoverRequest) async throws -> RecoverReport {
        let began = site.machine.clock.elapsed()
        var request = request
        let before = try RecoveryRecord.read(instance.folder.recovery)
        // A recovery stays one until it is finished: continuing it keeps its id.
        let continued = request.resume || before?.finishedAt == nil ? before : nil
        if request.resume {
            request.clusters = before?.only ?? []
            request.skip = before?.skip ?? []
        }
        log("Starting state recovery...")
        guard let records = try read(instance), !records.clusters.isEmpty else {
            log("No clusters found in storage, nothing to recover")
            return RecoverReport(outcome: .already)
        }
        try check(request, against: records, of: instance)
        log("Found \(records.clusters.count) clusters in storage, checking which need recovery...")
        let clusters = try await ground.clusters()

        var policy = RecoveryPolicy()
        policy.only = request.clusters.isEmpty ? nil : Set(request.clusters)
        policy.skip = Set(request.skip)
        let id = continued?.id ?? site.newUUID()
        policy.labels = [RecoveryLabel.name: id]
        let work = RecoveryWork(
            records: records, policy: policy, clusters: clusters, id: id, request: request,
            time: RecoveryTime(site.machine.clock, each: request.limit, whole: request.whole),
            wasCutOff: continued != nil && continued?.finishedAt == nil,
            outline: RecoveryPlan(records, ExistingObjects(k3dClusters: .known(clusters)), policy))

        var report = RecoverReport(outcome: request.dryRun ? .planned : .done)
        report.recovery = request.dryRun ? nil : id
        if request.dryRun {
            let results = await recoverAll(work)
            try rethrow(results)
            collect(results, work, into: &report)
            report.estimatedSeconds = estimate(results, work)
            report.durationSeconds = (site.machine.clock.elapsed() - began).inSeconds
            return report
        }
        var record = RecoveryRecord.beginning(
            id, continuing: continued, request, k3dClusters: work.outline.k3dClusters.map(\.name), records,
            at: site.machine.clock.now())
        try JSONFile.write(record, to: instance.folder.recovery)
        await site.tellRecovery(
            .started(
                clusters: records.clusters.count, services: records.services.count, recovery: id,
                of: instance.name))
        do {
            let results = await recoverAll(work)
            collect(results, work, into: &report)
            let facts = results.flatMap(\.facts)
            do {
                if !facts.isEmpty {
                    record.written = Set((record.written ?? []) + facts.map(\.arn)).sorted()
                    try JSONFile.write(record, to: instance.folder.recovery)
                }
                try WriteRecoveryBack(records: records, now: site.machine.clock.now())
                    .run(facts, in: try instance.databaseFile())
            } catch {
                report.databaseError = Failure.describing(error).cause ?? "\(error)"
            }
            report.sumUp()
            report.isUnfinished = results.contains { $0.isUnfinished }
            report.isOutOfTime = report.isUnfinished && work.time.isOver
            record.finishedAt = report.isUnfinished ? nil : site.machine.clock.now()
            // A recovery that made nothing leaves nothing to undo: the last one that did can still be undone.
            let madeNothing = !results.contains(where: \.hasApplied)
            let kept = madeNothing && continued == nil && !report.isUnfinished ? before ?? record : record
            try JSONFile.write(kept, to: instance.folder.recovery)
            try rethrow(results, of: instance, report)
        } catch {
            await site.tellRecovery(.failed(Failure.describing(error), recovery: id, of: instance.name))
            throw error
        }
        report.durationSeconds = (site.machine.clock.elapsed() - began).inSeconds
        tell(report)
        await site.tellRecovery(.finished(report, recovery: id, of: instance.name))
        return report
    }

    private func rethrow(_ results: [RecoverCluster.Result]) throws {
        if let interruption = results.lazy.compactMap(\.interruption).first { throw interruption }
    }

    /// Reports an interruption with the state so far, and with the two ways to proceed.
    private func rethrow(
        _ results: [RecoverCluster.Result], of instance: Instance, _ report: RecoverReport
    ) throws {
        do { try rethrow(results) } catch {
            let why =
                site.machine.cancellation.reason.map { Failure.describing(Interrupted($0)) }
                ?? Failure.describing(error)
            let services = report.summary.services
            throw Failure(
                why.kind, "the recovery of “\(instance.name)” was cut off; what it has made stays",
                cause:
                    "\(services.recovered) services were recovered, \(services.failed) were not; “kecsctl recover \(instance.name) --undo” takes back what was made",
                remedy: "kecsctl recover \(instance.name) --resume")
        }
    }

    /// Estimates the duration by the guide's figures: for a new cluster, and for each service with a wait.
    private func estimate(_ results: [RecoverCluster.Result], _ work: RecoveryWork) -> Double {
        let services = results.flatMap(\.clusters).flatMap(\.services).count { $0.outcome == .planned }
        let clusters = work.outline.k3dClusters.count { $0.action == .create }
        return RecoveryEstimate(clusters: clusters, services: services, parallel: work.request.parallel)
            .left.inSeconds
    }

    private func read(_ instance: Instance) throws -> StateRecords? {
        let file = try instance.databaseFile()
        guard try file.isPresent else { return nil }
        do {
            return try StateDatabase.open(file, .readOnly, cancellation: site.machine.cancellation)
                .allRecords()
        } catch let error as StateError {
            var failure = Failure.describing(error)
            failure.remedy = "kecsctl migrate status \(instance.name)"
            throw failure
        }
    }

    /// Refuses a name that does not exist. It is a typo: the intended object would be left out, or not.
    private func check(_ request: RecoverRequest, against records: StateRecords, of instance: Instance) throws
    {
        let clusters = Set(records.clusters.map(\.name))
        let byARN = Dictionary(records.clusters.map { ($0.arn, $0.name) }) { first, _ in first }
        let services = Set(records.services.map { "\(byARN[$0.clusterARN] ?? "")/\($0.serviceName)" })
        for name in request.clusters where !clusters.contains(name) {
            let near = NearestWord.of(name, among: clusters)
            throw Failure(
                .notFound, "there is no ECS cluster “\(name)” in the database",
                cause: "there are: \(clusters.sorted().joined(separator: ", "))",
                remedy: "kecsctl recover \(instance.name) --dry-run"
                    + (near.map { " --cluster \(ShellWords.quote([$0]))" } ?? ""))
        }
        for name in request.skip where !clusters.contains(name) && !services.contains(name) {
            throw Failure(
                .notFound, "there is nothing called “\(name)” in the database that could be skipped",
                cause: "there are: \(clusters.union(services).sorted().joined(separator: ", "))",
                remedy: "kecsctl recover \(instance.name) --dry-run")
        }
    }

    /// Recovers the k3d clusters, a limited number at once. One that fails does not stop the others.
    private func recoverAll(_ work: RecoveryWork) async -> [RecoverCluster.Result] {
        let estimate = Mutex(
            RecoveryEstimate(
                clusters: work.outline.k3dClusters.count { $0.action == .create },
                services: work.outline.clusters.flatMap(\.services).count { $0.decision == .recover },
                parallel: work.request.parallel))
        let progress: @Sendable (String, (inout RecoveryEstimate) -> Void) -> Void = { [site] text, change in
            let left = estimate.withLock { estimate in
                change(&estimate)
                return estimate.text
            }
            site.machine.progress.step("\(text), \(left)", total: nil)
        }
        return await withTaskGroup(of: RecoverCluster.Result.self) { group in
            var waiting = work.outline.k3dClusters[...]
            var results: [RecoverCluster.Result] = []
            func next() {
                guard let step = waiting.popFirst() else { return }
                group.addTask {
                    await RecoverCluster(
                        machine: site.machine, ground: ground, work: work, log: log, progress: progress
                    ).run(step)
                }
            }
            for _ in 0..<work.request.parallel { next() }
            while let result = await group.next() {
                results.append(result)
                if result.interruption == nil { next() } else { group.cancelAll() }
            }
            return results
        }
    }

    private func collect(
        _ results: [RecoverCluster.Result], _ work: RecoveryWork, into report: inout RecoverReport
    ) {
        var clusters = results.flatMap(\.clusters)
        // Those that are in no wanted k3d cluster.
        let seen = Set(clusters.map(\.name))
        for step in work.outline.clusters where !seen.contains(step.name) {
            var cluster = RecoverReport.Cluster(
                name: step.name, k3dCluster: step.k3dCluster, outcome: .skipped)
            switch step.decision {
            case .skip(let why): cluster.reason = why
            case .fail(let why), .unknown(let why):
                cluster.outcome = .failed
                cluster.reason = why
            case .recover, .exists: break
            }
            if step.k3dCluster == nil { log("Cluster \(step.name) has no k8s cluster name, skipping") }
            clusters.append(cluster)
        }
        report.clusters = clusters.sorted { $0.name < $1.name }
        report.tasks = results.flatMap(\.tasks).sorted()
        report.lostTasks = results.flatMap(\.lostTasks).sorted()
        report.notRecovered.secrets = Set(results.flatMap(\.missingSecrets)).sorted()
        report.notRecovered.tasks = tasksLeft(results, work)
        report.notRecovered.external = externalServices(work)
        report.troubles = results.flatMap(\.troubles)
        report.controlPlane = results.lazy.compactMap(\.controlPlane).first
        report.sumUp()
    }

    /// Returns the wanted ECS clusters, whatever their result.
    private func wanted(_ work: RecoveryWork) -> [ClusterRecord] {
        work.records.clusters.filter { cluster in
            ["ACTIVE", "PROVISIONING"].contains(cluster.status) && !work.policy.skip.contains(cluster.name)
                && work.policy.only?.contains(cluster.name) != false
        }
    }

    /// Returns standalone tasks that ran and neither run again nor exist: also those of clusters in which nothing could
    /// be done.
    private func tasksLeft(_ results: [RecoverCluster.Result], _ work: RecoveryWork) -> [String] {
        let clusters = Set(wanted(work).map(\.arn))
        let there = Set(results.flatMap { $0.tasks + $0.existingTasks })
        return work.records.tasks.filter {
            clusters.contains($0.clusterARN) && $0.isStandalone && $0.wasAlive && !there.contains($0.arn)
        }.map(\.arn).sorted()
    }

    /// Returns services without task sets whose tasks something else starts.
    private func externalServices(_ work: RecoveryWork) -> [String] {
        let names = Dictionary(wanted(work).map { ($0.arn, $0.name) }) { first, _ in first }
        let withSets = Set(work.records.taskSets.map(\.serviceARN))
        return work.records.services.compactMap { service in
            guard let cluster = names[service.clusterARN], !withSets.contains(service.arn),
                !work.policy.skip.contains("\(cluster)/\(service.serviceName)"),
                ["ACTIVE", "PENDING", "FAILED"].contains(service.status)
            else { return nil }
            // An unreadable controller is reported with its service.
            guard case .some(let controller) = try? service.deploymentController.value(),
                controller["type"] == "EXTERNAL"
            else { return nil }
            return "\(cluster)/\(service.serviceName)"
        }.sorted()
    }

    private func tell(_ report: RecoverReport) {
        let summary = report.summary
        log(
            "State recovery summary: \(summary.recovered) recovered, \(summary.skipped) skipped, \(summary.failed) failed"
        )
        if report.hasFailed {
            var failed: [String] = []
            if summary.failed > 0 { failed.append("\(summary.failed) clusters") }
            if summary.services.failed > 0 { failed.append("\(summary.services.failed) services") }
            if !report.lostTasks.isEmpty { failed.append("\(report.lostTasks.count) tasks") }
            let what = failed.isEmpty ? "the database could not be updated" : failed.joined(separator: ", ")
            log("State recovery failed: failed to recover \(what)")
        } else {
            log("State recovery completed")
        }
    }
}

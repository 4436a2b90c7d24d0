// SPDX-License-Identifier: Apache-2.0
public import Kecs
import KecsSystem

/// Runs all checks at once and collects their findings. Changes nothing.
public struct Doctor: Sendable {
    /// The time limit of a check. Exceeding it is a finding.
    public static let limit = Duration.seconds(10)

    let site: Site
    let checks: [any Check]
    let limit: Duration

    /// - Parameter checks: The checks of this module and of the runtimes; the wiring combines them.
    public init(site: Site, checks: [any Check], limit: Duration = Doctor.limit) {
        self.site = site
        self.checks = checks
        self.limit = limit
    }

    /// The selection of the checks to run.
    public struct Selection: Sendable {
        /// The ids; a prefix that ends in a dot means everything below it. Nil: all that belong to the profile.
        public var ids: [String]?
        public var profile: String?

        public init(ids: [String]? = nil, profile: String? = nil) {
            self.ids = ids
            self.profile = profile
        }

        func includes(_ info: CheckInfo) -> Bool {
            if let ids {
                return ids.contains { info.id == $0 || ($0.hasSuffix(".") && info.id.hasPrefix($0)) }
            }
            return info.profile == nil || info.profile == profile
        }
    }

    public static let profiles = ["production"]

    /// - Throws: `Failure(.usage)` for an id that no check has.
    public func select(_ selection: Selection) throws(Failure) -> [any Check] {
        for id in selection.ids ?? []
        where !checks.contains(where: { Selection(ids: [id]).includes($0.info) }) {
            throw Failure(
                .usage, "there is no check “\(id)”", cause: "--list-checks shows all of them",
                remedy: "kecsctl doctor --list-checks")
        }
        if let profile = selection.profile, !Self.profiles.contains(profile) {
            throw Failure(
                .usage, "there is no profile “\(profile)”",
                cause: "there is: \(Self.profiles.joined(separator: ", "))",
                remedy: "kecsctl doctor --profile production")
        }
        return checks.filter { selection.includes($0.info) }
    }

    /// - Parameter names: The instances to check; a broken one is checked by the machine's checks only.
    public func run(
        _ names: [InstanceName], _ selection: Selection = Selection()
    ) async throws -> DoctorReport {
        let chosen = try select(selection)
        let (all, around) = await gather()
        let asked = all.filter { names.contains($0.name) }
        var findings: [Finding] = []
        await withTaskGroup(of: [Finding].self) { group in
            for check in chosen {
                switch check.info.scope {
                case .machine:
                    group.addTask { await ask(check, about: nil, all: all, around) }
                case .instance:
                    for facts in asked {
                        group.addTask { await ask(check, about: facts, all: all, around) }
                    }
                }
            }
            for await some in group { findings += some }
        }
        try site.machine.cancellation.check()
        try Task.checkCancellation()
        let wanted = Set(names.map(\.description))
        // A machine's check may find something about an instance that was not queried about.
        var report = DoctorReport(findings.filter { $0.instance.map(wanted.contains) ?? true })
        report.isStrict = selection.profile == "production"
        return report
    }

    /// Gathers the facts of every instance, since some checks compare them.
    private func gather() async -> ([InstanceFacts], Surroundings) {
        let site = site
        let around = await TimeBound.run(limit, outer: site.machine.cancellation) { _ in
            await Surroundings.gather(site)
        }
        let surroundings = around ?? Surroundings()
        let records = surroundings.history.value?.records ?? []
        let instances = ((try? site.instanceNames()) ?? []).compactMap {
            try? site.instance($0, checksPlace: false)
        }
        var all: [InstanceFacts] = []
        await withTaskGroup(of: InstanceFacts?.self) { group in
            for instance in instances {
                group.addTask {
                    await TimeBound.run(limit, outer: site.machine.cancellation) { cancellation in
                        await InstanceFacts.gather(
                            instance, site: site, history: records, cancellation: cancellation)
                    }
                }
            }
            for await facts in group { if let facts { all.append(facts) } }
        }
        return (all.sorted { $0.name < $1.name }, surroundings)
    }

    private func ask(
        _ check: any Check, about facts: InstanceFacts?, all: [InstanceFacts], _ around: Surroundings
    ) async -> [Finding] {
        let site = site
        let answer = await TimeBound.run(limit, outer: site.machine.cancellation) {
            cancellation -> [Finding] in
            do {
                return try await check.run(
                    Look(site: site, facts: facts, all: all, surroundings: around, cancellation: cancellation)
                )
            } catch let error as CannotTell {
                return [.notLooked(error.why)]
            } catch is Interrupted {
                return [slow(check)]
            } catch is CancellationError {
                return [slow(check)]
            } catch {
                let failure = Failure.describing(error)
                return [
                    Finding(
                        .warning, "could not be checked: " + (failure.cause ?? failure.message),
                        ["message": .string(failure.message)])
                ]
            }
        }
        var findings = answer ?? [slow(check)]
        if findings.isEmpty { findings = [Finding(.ok, check.info.claim)] }
        return findings.map { finding in
            var finding = finding
            finding.id = check.info.id
            finding.instance = finding.instance ?? facts?.name.description
            return finding
        }
    }

    private func slow(_ check: any Check) -> Finding {
        Finding(
            .warning, "was not answered within \(TimeSpan(milliseconds: limit.components.seconds * 1000))",
            remedy: "kecsctl doctor --check \(check.info.id) -vv")
    }
}

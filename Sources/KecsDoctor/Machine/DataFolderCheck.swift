// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsBackups
import SystemPackage
import KecsSystem

struct DataFolderCheck: InstanceCheck {
    let info = CheckInfo("data.missing", .instance, .error, "every part of the data exists")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        guard case .unknown = facts.inventory else {
            return facts.parts.filter { $0.part.presence == .missing && $0.part.role != .config }.map {
                part in
                let place = part.root?.string ?? "\(facts.instance.root(of: part.part.part))"
                return Finding(
                    .error, "\(part.name) of “\(facts.name)” is missing: there is no \(place)",
                    ["path": .string(place), "part": .string(part.name)],
                    remedy: facts.newestGood.map {
                        "kecsctl restore \(facts.name) --from \($0.id) --part \(part.name)"
                    }
                        ?? "kecsctl start \(facts.name)")
            }
                + facts.parts.compactMap { part in
                    guard case .unreadable(let why) = part.part.presence, let root = part.root else {
                        return nil
                    }
                    return Finding(
                        .error, "\(part.name) of “\(facts.name)” cannot be read: \(why)",
                        ["path": .string(root.string), "part": .string(part.name)],
                        remedy: "sudo kecsctl inspect \(facts.name)")
                }
        }
        if facts.isGone, let why = facts.unlooked {
            return [
                Finding(
                    .error, "what holds the data of “\(facts.name)” is gone: \(why)", ["why": .string(why)],
                    remedy: "kecsctl backups list \(facts.name)")
            ]
        }
        // If the runtime does not answer, at least the instance's own folder can be checked.
        guard facts.instance.config.runtime.keepsDataInFolder else {
            throw CannotTell(facts.unlooked ?? "")
        }
        let folder = try facts.data.get()
        let status = try FileStatus.of(folder.resolved())
        guard status?.kind != .folder else { return [] }
        return [
            Finding(
                .error,
                status == nil
                    ? "the data folder \(folder) of “\(facts.name)” is missing" : "\(folder) is no folder",
                ["path": .string(folder.string)], remedy: "kecsctl start \(facts.name)")
        ]
    }
}

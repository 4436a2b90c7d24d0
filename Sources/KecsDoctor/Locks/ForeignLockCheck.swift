// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import SystemPackage

/// Checks the guides' `.lock`, which is removed only with proof that its owner is gone.
struct ForeignLockCheck: InstanceCheck {
    let info = CheckInfo(
        "lock.foreign", .instance, .warning, "no lock file of a process that is gone lies in the data folder",
        fixable: true)

    static let names = [".lock", "kecs.lock", "kecs.db.lock"]

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        let folder = try facts.data.get().resolved()
        let mount = look.surroundings.mounts.value?.mount(of: folder)
        let shared = mount.map(\.kind).flatMap { FileSystemKindCheck.isShared($0) ? $0 : nil }
        return try Self.names.compactMap { name in
            let file = folder.appending(name)
            guard let status = try FileStatus.of(file), status.kind == .file else { return nil }
            let proof = try LockProof.of(file, status: status, sharedBy: shared)
            var evidence: [String: JSONValue] = [
                "path": .string(file.string), "written": .string("\(status.modified)"),
                "proof": .string(proof.why),
            ]
            switch proof.verdict {
            case .held:
                return Finding(.info, "\(file) is held: \(proof.why)", evidence)
            case .unknown:
                evidence["safe"] = .bool(false)
                return Finding(
                    .warning, "\(file) may be held: \(proof.why)", evidence,
                    remedy: "kecsctl status \(facts.name)")
            case .stale:
                let repair = Repair.remove(PathText(file), contents: proof.contents, mode: status.mode)
                return Finding(
                    .warning, "\(file) is left from a process that has ended: \(proof.why)", evidence,
                    remedy: "kecsctl doctor \(facts.name) --check lock.foreign --fix", repairs: [repair])
            }
        }
    }
}

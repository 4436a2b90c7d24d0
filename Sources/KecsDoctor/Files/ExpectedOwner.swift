// SPDX-License-Identifier: Apache-2.0
public import Kecs
import KecsSystem

/// The owner that an instance's data must have so that its server can write it.
public struct ExpectedOwner: Sendable, Hashable {
    public var owner: Repair.Owner
    /// The source of the expectation.
    public var because: String

    /// Returns the expected owner; nil when nothing here determines it: the container's own user decides then.
    public static func of(_ facts: InstanceFacts, user: UInt32, group: UInt32) throws -> ExpectedOwner? {
        let instance = facts.instance
        if let text = instance.config.settings["owner"]?.string {
            guard let owner = Repair.Owner(text) else {
                throw CannotTell("“\(text)” is not an owner such as 65532:65532")
            }
            return ExpectedOwner(owner: owner, because: "the instance's setting owner")
        }
        if let server = facts.inventory.value?.user {
            return ExpectedOwner(
                owner: Repair.Owner(server.user, server.group),
                because: "the server runs as it" + (server.name.map { " (\($0))" } ?? ""))
        }
        if try instance.settings.flag(.containerMode) {
            return ExpectedOwner(
                owner: Repair.Owner(65532, 65532), because: "the KECS image's user in container mode")
        }
        if instance.config.runtime.runsOnHost {
            return ExpectedOwner(owner: Repair.Owner(user, group), because: "the user who runs the server")
        }
        return nil
    }

    /// Returns the usual meaning of a user's number.
    static func explain(_ user: UInt32) -> String? {
        switch user {
        case 0: "root: an engine makes the folders so that it has to create for a bind mount"
        case 501: "the first user of a Mac"
        case 1000: "the first user of most Linux systems"
        case 1001: "appuser of the persistence guide's image"
        case 65532: "nonroot, the user of distroless images such as KECS's"
        case 65534: "the user nobody: often an owner that a user namespace or NFS cannot show"
        default: nil
        }
    }
}

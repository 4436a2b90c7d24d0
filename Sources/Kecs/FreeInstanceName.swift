// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

extension Site {
    /// A name that neither an instance nor backups have.
    func checkIsFree(_ name: InstanceName) throws {
        if try home.instances.appending(name.description).isPresent { throw isTaken(name) }
        let store = home.backups.appending(name.description)
        guard try store.isPresent, try !store.isFolder || !store.entries().isEmpty else { return }
        throw Failure(
            .usage, "there are backups of a former “\(name)”",
            cause: "\(store) would become the backups of another instance",
            remedy: "kecsctl backups list \(name)")
    }

    func isTaken(_ name: InstanceName) -> Failure {
        Failure(
            .usage, "there is already an instance “\(name)”",
            cause: "\(home.instances.appending(name.description)) is there", remedy: "kecsctl list")
    }
}

// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem

/// Checks whether a container's ports can be published, before docker would fail half-way.
enum DockerPorts {
    /// - Throws: `Failure` that names the port's holder, when it is known.
    static func check(_ port: UInt16, address: String, of instance: Instance) throws {
        let isFree: Bool
        do {
            isFree = try Ports.isFree(port, address: address.isEmpty ? "0.0.0.0" : address)
        } catch let error as Ports.Failure {
            throw Failure(
                .usage, "“\(instance.name)” cannot listen on \(address):\(port)",
                cause: "\(error.operation): \(error.errno)",
                remedy: "kecsctl start \(instance.name) --api-port 8080 --admin-port 8081")
        }
        guard !isFree else { return }
        let holder = Ports.holder(of: port)
        throw Failure(
            .failed, "the port \(port) that “\(instance.name)” needs is taken",
            cause: holder.map { "process \($0.pid) listens on it: \($0.command)" },
            remedy: "kecsctl start \(instance.name) \(Remedy.otherPorts(than: Int(port)))")
    }
}

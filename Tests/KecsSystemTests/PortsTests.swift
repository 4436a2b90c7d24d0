// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@Suite struct PortsTests {
    @Test func `a port is taken while somebody listens, and the listener is named`() async throws {
        let listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                bind(listener, raw, size) == 0 && listen(listener, 1) == 0
                    && getsockname(listener, raw, &size) == 0
            }
        }
        #expect(code)
        let port = UInt16(bigEndian: address.sin_port)
        #expect(try !Ports.isFree(port))
        #expect(try !Ports.isFree(port, address: "0.0.0.0"))
        #expect(try Ports.isFree(port, address: "127.0.0.2"))
        let holder = try #require(Ports.holder(of: port))
        #expect(holder.pid == getpid())
        let own = try FilePath("/proc/self/cmdline").contents().split(separator: 0).first
        #expect(holder.command.hasPrefix(String(decoding: try #require(own), as: UTF8.self)))
        close(listener)
        // A child that another test starts at this moment has it open too until its exec.
        #expect(
            try await SystemClock().wait(upTo: .seconds(10), every: .milliseconds(10)) {
                try Ports.isFree(port)
            })
        #expect(try Ports.isFree(port), "asking leaves no trace")
        #expect(Ports.holder(of: port) == nil)
    }

    @Test func `those that ask at one moment do not take each other for a server`() async throws {
        // Beyond what Linux hands out by itself (ip_local_port_range ends at 60999), so nobody else takes it meanwhile.
        let port: UInt16 = 61_217
        try #require(try Ports.isFree(port))
        let taken = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask { try (0..<3000).filter { _ in try !Ports.isFree(port) }.count }
            }
            return try await group.reduce(0, +)
        }
        #expect(taken == 0)
    }

    @Test func `what cannot be known is an error`() {
        #expect(throws: Ports.Failure.self) { try Ports.isFree(80, address: "localhost") }
        // TEST-NET-1 (RFC 5737) is nobody's address.
        #expect(throws: Ports.Failure(operation: "bind 192.0.2.1:8080", errno: .addressNotAvailable)) {
            try Ports.isFree(8080, address: "192.0.2.1")
        }
    }
}

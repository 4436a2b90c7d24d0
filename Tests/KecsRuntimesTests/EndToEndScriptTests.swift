// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import standin

/// “make e2e” is written for a real k3d. Here it is run with the stand-ins, which behave as k3d was recorded.
@Suite struct EndToEndScriptTests {
    private static let script = FilePath(#filePath).removingLastComponent().removingLastComponent()
        .removingLastComponent().appending("scripts/e2e")

    private func run(_ environment: [String: String]) async throws -> ProcessResult {
        var call = ProcessCall(Self.script.string, [Kecsctl.program.string])
        call.limit = .seconds(900)
        return try await SystemProcesses(environment: environment, cancellation: Cancellation()).run(call)
    }

    @Test func `the script passes with the stand-ins, and leaves nothing`() async throws {
        try await StandInWorld.with(World(createMilliseconds: 1500, rolloutQuestions: 1)) { here in
            var environment = here.environment
            for name in ["K3D_IMAGE", "LOG_LEVEL", "KUBECONFIG"] { environment[name] = nil }
            let result = try await run(environment)
            #expect(result.succeeded, "\(result.outputText)\(result.errorText)")
            #expect(result.outputText.hasSuffix("\ne2e: everything came back as the database says\n"))
            let world = try here.world()
            #expect(world.containers.isEmpty && world.networks.isEmpty && world.volumes.isEmpty)
            #expect(try here.home.folder.entries().allSatisfy { !$0.string.hasPrefix("kecsctl-e2e.") })
        }
    }

    @Test func `without k3d it is skipped, and its last line says why`() async throws {
        try await TemporaryHome.with { home in
            let result = try await run(home.environment)
            #expect(result.succeeded)
            #expect(result.outputText == "e2e: skipped: k3d is not on the PATH\n")
        }
    }

    @Test func `without docker it is skipped, and its last line says why`() async throws {
        try await StandInWorld.with(World(docker: "down")) { here in
            let result = try await run(here.environment)
            #expect(result.succeeded)
            #expect(result.outputText == "e2e: skipped: docker does not answer\n")
        }
    }
}

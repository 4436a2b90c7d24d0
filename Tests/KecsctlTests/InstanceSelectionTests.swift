// SPDX-License-Identifier: Apache-2.0
import Kecs
import Testing

@testable import kecsctl

@Suite struct InstanceSelectionTests {
    private func resolve(
        _ selection: InstanceSelection = .init(), existing: [String] = ["dev", "prod"],
        variable: String? = nil, unnamed: InstanceSelection.Unnamed = .theOnlyOne
    ) throws(Failure) -> [String] {
        try selection.resolve(existing: existing, variable: variable, unnamed: unnamed, command: "stop")
    }

    @Test func `names are taken once each, in the order typed, whether they exist or not`() throws {
        #expect(try resolve(.init(names: ["b", "a", "b"]), variable: "dev") == ["b", "a"])
    }

    @Test func `all are all there are, and none is no error`() throws {
        #expect(try resolve(.init(isAll: true)) == ["dev", "prod"])
        #expect(try resolve(.init(isAll: true), existing: []) == [])
    }

    @Test func `names and all together are refused`() {
        #expect(throws: Failure.self) { try resolve(.init(names: ["dev"], isAll: true)) }
    }

    @Test(arguments: [InstanceSelection.Unnamed.theOnlyOne, .variable])
    func `without a name the variable decides`(unnamed: InstanceSelection.Unnamed) throws {
        #expect(try resolve(variable: "prod", unnamed: unnamed) == ["prod"])
    }

    @Test func `an empty variable says nothing`() throws {
        #expect(try resolve(existing: ["dev"], variable: "") == ["dev"])
    }

    @Test func `only reading commands and backup guess, and only when there is one`() throws {
        #expect(try resolve(existing: ["dev"]) == ["dev"])
        #expect(throws: Failure.self) { try resolve(existing: ["dev"], unnamed: .variable) }
        #expect(throws: Failure.self) { try resolve() }
    }

    @Test func `a verb that destroys wants the name typed, whatever the variable says`() {
        #expect(throws: Failure.self) { try resolve(existing: ["dev"], variable: "dev", unnamed: .never) }
    }

    @Test func `a refusal lists the names and gives a line to paste`() {
        let expected = Failure(
            .usage, "no instance was named", cause: "there are: dev, prod", remedy: "kecsctl stop dev")
        #expect(throws: expected) { try resolve() }
    }

    @Test func `an overview without a name is of the one that the variable names, else of everything`() throws
    {
        #expect(try resolve(unnamed: .everything) == ["dev", "prod"])
        #expect(try resolve(variable: "dev", unnamed: .everything) == ["dev"])
    }
}

// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import Testing

@Suite struct SecretTests {
    @Test func `however it is printed, it does not show`() {
        struct Config { let name = "n", key = Secret("hunter2") }
        let secret = Secret("hunter2")
        var dumped = ""
        dump(Config(), to: &dumped)
        for text in [
            "\(secret)", String(describing: secret), String(reflecting: secret), "\(Config())",
            String(reflecting: Config()), "\([secret])", "\(Optional(secret) as Any)", dumped,
        ] {
            #expect(!text.contains("hunter2"))
            #expect(text.contains("•••"))
        }
        #expect(secret.reveal() == "hunter2")
    }
}

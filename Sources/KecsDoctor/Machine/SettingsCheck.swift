// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem

struct SettingsCheck: InstanceCheck {
    let info = CheckInfo("config.settings", .instance, .error, "every setting has a value that makes sense")

    func run(_ facts: InstanceFacts, _ look: Look) -> [Finding] {
        SettingKey.allCases.compactMap { key -> Finding? in
            do {
                _ = try facts.instance.settings.setting(key)
                return nil
            } catch {
                let failure = Failure.describing(error)
                return Finding(
                    .error, failure.message + (failure.cause.map { ": \($0)" } ?? ""),
                    ["setting": .string(key.rawValue)], remedy: "kecsctl config show --origin")
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// Something in a file of settings that has no effect, or not the intended one.
public struct SettingProblem: Encodable, Sendable, Hashable {
    public var file: String
    public var message: String
    public var cause: String?
    public var remedy: String?

    private enum CodingKeys: CodingKey { case file, message, cause, remedy }

    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encode(file, forKey: .file)
        try fields.encode(message, forKey: .message)
        try fields.encodeIfPresent(cause, forKey: .cause)
        try fields.encodeIfPresent(remedy.map(Remedy.line), forKey: .remedy)
    }
}

/// Reads every file of settings and every value in it, and lists all problems instead of ending at the first.
public struct CheckSettings: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    public func run() throws -> [SettingProblem] {
        var problems: [SettingProblem] = []
        func add(_ file: String, _ failure: Failure) {
            let problem = SettingProblem(
                file: file, message: failure.message, cause: failure.cause, remedy: failure.remedy)
            if !problems.contains(problem) { problems.append(problem) }
        }
        let home = site.home.settings.string
        do {
            let settings = try site.settings()
            check(settings).forEach { add(home, $0) }
            _ = try NotifySettings.read(site)
            _ = try HookSettings.read(site)
            _ = try Remotes(site: site).all()
        } catch { add(home, .describing(error)) }
        for name in try site.instanceNames() {
            let file = site.home.folder(of: name).config.string
            do {
                // The home's own problems have been reported.
                var settings = try site.instance(name).settings
                settings.home = nil
                check(settings).forEach { add(file, $0) }
            } catch { add(file, .describing(error)) }
        }
        return problems
    }

    private func check(_ settings: Settings) -> [Failure] {
        settings.misspelt
            + SettingKey.allCases.compactMap { key -> Failure? in
                do {
                    _ = try settings.known.setting(key)
                    return nil
                } catch { return .describing(error) }
            }
    }
}

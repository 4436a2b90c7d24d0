// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// A process or a running container that uses a part of an instance now and is not the instance's own.
public struct Holder: Hashable, Sendable, Encodable {
    public enum Kind: String, Hashable, Sendable, Encodable { case process, container }

    public var kind: Kind
    /// The id of a process.
    public var pid: Int32?
    /// A process's command line, a container's name.
    public var name: String
    /// "has /srv/dev/kecs.db open"
    public var what: String
    /// True when it can change the part.
    public var mayWrite: Bool
    /// A command line that ends it. Not in the JSON.
    var remedy: String?

    private enum CodingKeys: String, CodingKey { case kind, pid, name, what, mayWrite }

    /// A process.
    init(pid: Int32?, name: String, what: String, mayWrite: Bool) {
        kind = .process
        self.pid = pid
        self.name = name
        self.what = what
        self.mayWrite = mayWrite
        remedy = pid.map { "kill \($0)" }
    }

    /// A container, and the command line with which its engine ends it.
    init(container name: String, what: String, mayWrite: Bool, remedy: String?) {
        kind = .container
        self.name = name
        self.what = what
        self.mayWrite = mayWrite
        self.remedy = remedy
    }

    /// “process 4711 (python3 app.py)”, “the container “app-2””.
    public var title: String {
        switch kind {
        case .container: "the container “\(name)”"
        case .process: pid.map { "process \($0) (\(name))" } ?? name
        }
    }
}

/// All holders that were found, and those that could not be examined.
public struct Holders: Hashable, Sendable {
    public var list: [Holder]
    /// Sentences.
    public var unseen: [String]

    public init(list: [Holder] = [], unseen: [String] = []) {
        self.list = list
        self.unseen = unseen
    }
}

/// A container engine's report on running containers that are not the instance's.
public struct OtherContainers: Hashable, Sendable {
    /// A container that has something of the instance mounted.
    public struct User: Hashable, Sendable {
        public var id: String
        public var name: String
        /// "/srv/dev at /data"
        public var mount: String
        public var mayWrite: Bool

        public init(id: String, name: String, mount: String, mayWrite: Bool) {
            self.id = id
            self.name = name
            self.mount = mount
            self.mayWrite = mayWrite
        }
    }

    public var users: [User]
    /// The ids of the instance's own containers, which may use everything.
    public var own: Set<String>
    /// The names of all running containers, by id.
    public var names: [String: String]
    /// The reason why no engine answered.
    public var unseen: String?
    /// The words with which the engine ends a container whose name follows; empty without an engine.
    public var ending: [String]

    public init(
        users: [User] = [], own: Set<String> = [], names: [String: String] = [:], unseen: String? = nil,
        ending: [String] = []
    ) {
        self.users = users
        self.own = own
        self.names = names
        self.unseen = unseen
        self.ending = ending
    }

    /// Returns a command line that ends the container; nil without an engine.
    func remedy(against container: String) -> String? {
        ending.isEmpty ? nil : ShellWords.quote(ending + [container])
    }
}

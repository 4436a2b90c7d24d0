// SPDX-License-Identifier: Apache-2.0
public import KecsSystem

/// The backups of a cluster that lie on this host.
public struct ClusterBackupStock: Encodable, Sendable {
    /// How many there are of each verdict; every verdict is there.
    public var verdicts: [String: Int]
    /// Of all their objects, in bytes.
    public var bytes: Int64
    /// The newest one that can be restored.
    public var newest: Newest?

    public struct Newest: Encodable, Sendable {
        public var name: String
        public var startedAt: Moment?
        public var bytes: Int64

        public init(name: String, startedAt: Moment?, bytes: Int64) {
            self.name = name
            self.startedAt = startedAt
            self.bytes = bytes
        }
    }

    public init(verdicts: [String: Int], bytes: Int64, newest: Newest?) {
        self.verdicts = verdicts
        self.bytes = bytes
        self.newest = newest
    }
}

/// What a container asks of its node, and what it may use, as Kubernetes writes it: "100m" is a tenth of a processor.
public struct ContainerResources: Hashable, Encodable, Sendable {
    public struct Amount: Hashable, Encodable, Sendable {
        public var cpu: String?
        public var memory: String?

        public init(cpu: String?, memory: String?) {
            self.cpu = cpu
            self.memory = memory
        }

        var sentence: String {
            [cpu.map { "\($0) CPU" }, memory].compactMap(\.self).joined(separator: ", ")
        }
    }

    public var name: String
    public var requests: Amount
    public var limits: Amount

    public init(name: String, requests: Amount, limits: Amount) {
        self.name = name
        self.requests = requests
        self.limits = limits
    }

    /// "asks for 100m CPU, 128Mi, at most 1 CPU, 512Mi"
    public var sentence: String { "asks for \(requests.sentence), at most \(limits.sentence)" }
}

// SPDX-License-Identifier: Apache-2.0
public import KecsSystem

/// Volumes whose contents no backup of Velero has, by their claims. Velero itself leaves most of them out with no more than a
/// warning in its log, and calls the backup completed.
public struct LostVolumes: Sendable {
    public struct Volume: Hashable, Sendable {
        /// `namespace/name`
        public var claim: String
        public var why: String
    }

    /// Whether the node agent backs up what is in volumes.
    public var hasVolumes: Bool
    /// Why not.
    public var whyNot: String

    public static let isOff = "veleroVolumes is off"

    public init(hasVolumes: Bool, whyNot: String = LostVolumes.isOff) {
        self.hasVolumes = hasVolumes
        self.whyNot = whyNot
    }

    public func find(claims: [JSONValue], volumes: [JSONValue], pods: [JSONValue]) -> [Volume] {
        let byName = Dictionary(
            volumes.map { ($0["metadata"]?["name"]?.string ?? "", $0) },
            uniquingKeysWith: { first, _ in first })
        let mounted = Set(pods.filter { $0["status"]?["phase"]?.string == "Running" }.flatMap(Self.claims))
        let used = Set(pods.flatMap(Self.claims))
        return claims.compactMap { claim -> Volume? in
            let namespace = claim["metadata"]?["namespace"]?.string ?? ""
            let name = "\(namespace)/\(claim["metadata"]?["name"]?.string ?? "")"
            guard !StopBackup.systemNamespaces.contains(namespace),
                let volume = claim["spec"]?["volumeName"]?.string.flatMap({ byName[$0] })
            else { return nil }
            return why(volume["spec"], isMounted: mounted.contains(name), isUsed: used.contains(name))
                .map { Volume(claim: name, why: $0) }
        }.sorted { $0.claim < $1.claim }
    }

    private func why(_ spec: JSONValue?, isMounted: Bool, isUsed: Bool) -> String? {
        if spec?["hostPath"] != nil { return "it is a hostPath volume, which Velero leaves out" }
        if hasVolumes, isMounted { return nil }
        if spec?["local"] != nil {
            return !hasVolumes
                ? "it lies in the node, and the contents of volumes are not backed up (\(whyNot))"
                : isUsed
                    ? "only pods that are not running have it, and Velero reads what a running one has mounted"
                    : "no pod has it, and Velero reads what a running one has mounted"
        }
        if spec?["persistentVolumeReclaimPolicy"]?.string ?? "Delete" == "Delete" {
            return "its policy is Delete: another, empty volume would be made for it"
        }
        return nil
    }

    private static func claims(of pod: JSONValue) -> [String] {
        (pod["spec"]?["volumes"]?.array ?? []).compactMap { volume in
            volume["persistentVolumeClaim"]?["claimName"]?.string.map {
                "\(pod["metadata"]?["namespace"]?.string ?? "")/\($0)"
            }
        }
    }
}

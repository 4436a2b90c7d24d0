// SPDX-License-Identifier: Apache-2.0
import Kecs

/// A component that can run next to the control plane in its cluster.
enum Component: String, CaseIterable, Hashable, Sendable {
    /// In the control plane's own pod. Upstream's server keeps its state there.
    case postgres
    case localstack
    case traefik
    case vector

    static let none = "none"
    /// The image of upstream's server. It reaches a database at localhost:5432 and has no other place for its state.
    private static let upstreamImage = "ghcr.io/nandemo-ya/kecs"

    /// - Parameters:
    ///   - text: The setting `components`: names with commas, `none`, or nil for those that the image needs.
    ///   - image: The control plane's.
    /// - Throws: `Failure(.usage)` for an unknown name.
    static func chosen(_ text: String?, image: String, instance: String) throws(Failure) -> Set<Component> {
        guard let text else {
            let rest = image.dropFirst(upstreamImage.count)
            let isUpstream = image.hasPrefix(upstreamImage) && (rest.isEmpty || ":@".contains(rest.prefix(1)))
            return isUpstream ? [.postgres] : []
        }
        if text == none { return [] }
        var chosen: Set<Component> = []
        for word in text.split(separator: ",", omittingEmptySubsequences: false) {
            let name = word.drop { $0 == " " }.prefix { $0 != " " }
            guard let component = Component(rawValue: String(name)) else {
                throw Failure(
                    .usage, "“\(word)” is no component of “\(instance)”",
                    cause: "there are: \(allCases.map(\.rawValue).joined(separator: ", ")), and none",
                    remedy: "kecsctl config set components postgres --instance \(instance)")
            }
            chosen.insert(component)
        }
        return chosen
    }

    /// The Deployment to wait for; nil for a component that is part of the control plane's, or may come later.
    var deployment: String? {
        switch self {
        case .localstack, .traefik: rawValue
        case .postgres, .vector: nil
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Addresses in the form that Kubernetes accepts.
enum KubernetesAddress {
    static func isAddress(_ text: String) -> Bool {
        var room = in6_addr()
        return inet_pton(AF_INET, text, &room) == 1 || inet_pton(AF_INET6, text, &room) == 1
    }
}

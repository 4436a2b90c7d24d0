// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

extension OwnCluster {
    /// - Returns: False while the cluster has none.
    func fetchKubeconfig() async throws -> Bool {
        guard let bytes = try await k3d.kubeconfig(of: name) else { return false }
        try kubeconfig.removingLastComponent().createFolder()
        try kubeconfig.replaceContents(bytes)
        return true
    }
}

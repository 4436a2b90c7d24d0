// SPDX-License-Identifier: Apache-2.0
public import Kecs
public import KecsSystem
import KecsVelero
import SystemPackage

/// The objects that kecsctl applies to an instance's cluster for Velero, to read or to apply by hand.
public struct VeleroRendering: Sendable {
    /// The remarks before the objects: lines without `#`.
    public let remarks: [String]
    public let objects: [JSONValue]

    /// - Parameter form: `.minio` for the object store alone, `.velero` for everything.
    public init(_ form: Rendering.Form, of instance: Instance, site: Site) throws {
        let setup = try VeleroSetup(instance)
        let manifests = try setup.manifests()
        let folder = VeleroFolder(instance: instance, machine: site.machine)
        let file = ShellWords.quote([folder.credentials.string])
        var remarks = [
            form == .minio
                ? "The instance \(instance.name). Written by “kecsctl render minio \(instance.name)”."
                : "The instance \(instance.name). Written by “kecsctl render velero \(instance.name)”.",
            "Every node has \(setup.mount.host) at \(setup.mount.inside), bound when the cluster is made.",
            "The Secrets are not here. Once the namespace is there:",
        ]
        if form == .velero {
            remarks.append(
                "  kubectl -n velero create secret generic cloud-credentials --from-file=cloud=\(file)")
        }
        remarks.append(
            "  sed -n 's/^aws_access_key_id=/access-key=/p; s/^aws_secret_access_key=/secret-key=/p' \(file) |"
                + " kubectl -n velero create secret generic minio-credentials --from-env-file=/dev/stdin")
        self.remarks = remarks
        objects =
            form == .minio
            ? manifests.foundation.filter { ["Namespace", "NetworkPolicy"].contains($0["kind"]?.string) }
                + manifests.storeObjects
            : try VeleroDefinitions.objects() + manifests.all
    }
}

// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsDoctor
import KecsSystem

/// Checks whether the images are still available: registries have dropped images of object stores before. Names the
/// missing one, and the setting for another.
enum VeleroImageCheck {
    @Sendable static func judge(_ json: JSONValue, _ facts: InstanceFacts, _ look: Look) -> [Finding] {
        (json["items"]?.array ?? []).flatMap { pod -> [Finding] in
            let status = pod["status"]
            let plugins = status?["initContainerStatuses"]?.array ?? []
            let containers = status?["containerStatuses"]?.array ?? []
            let isStore = pod["metadata"]?["labels"]?["app"]?.string == "minio"
            return plugins.compactMap { finding($0, .veleroPluginImage, facts) }
                + containers.compactMap { finding($0, isStore ? .objectStoreImage : .veleroImage, facts) }
        }
    }

    private static func finding(_ container: JSONValue, _ key: SettingKey, _ facts: InstanceFacts) -> Finding?
    {
        guard let waiting = container["state"]?["waiting"], let reason = waiting["reason"]?.string,
            ["ErrImagePull", "ImagePullBackOff", "InvalidImageName"].contains(reason)
        else { return nil }
        let image = container["image"]?.string ?? ""
        return Finding(
            .error,
            "the image \(image) is not available for “\(facts.name)” (\(reason)); the setting \(key.rawValue) says another one",
            [
                "image": .string(image), "setting": .string(key.rawValue),
                "message": waiting["message"] ?? .null,
            ],
            remedy: ShellWords.quote(["docker", "pull", image]))
    }
}

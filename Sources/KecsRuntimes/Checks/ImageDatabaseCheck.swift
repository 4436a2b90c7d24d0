// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsArchive
import KecsDoctor
import KecsSystem
import Synchronization
import SystemPackage

/// Searches the image's layers. A database in there returns, as old as the image, wherever no volume hides it.
struct ImageDatabaseCheck: InstanceCheck {
    let info = CheckInfo(
        "image.database", .instance, .error, "no layer of the instance's image contains a database")
    let engine: EngineFacts

    /// The limit of an image's size. Docker writes some hundred MB a second, so that more is not read within a check's
    /// ten seconds.
    static let sizeLimit: Int64 = 1 << 30
    static let timeLimit = Duration.seconds(8)

    func run(_ facts: InstanceFacts, _ look: Look) async throws -> [Finding] {
        guard [.docker, .compose].contains(facts.instance.config.runtime) else { return [] }
        var findings: [Finding] = []
        for image in try images(of: facts) {
            findings += try await search(image, look).map { found in
                Finding(
                    .error,
                    "the image \(image) of “\(facts.name)” holds the database /\(found.path): each container made of it "
                        + "starts with that old state where nothing is mounted over it",
                    [
                        "image": .string(image), "path": .string("/" + found.path),
                        "engine": .string(found.engine.rawValue), "bytes": .integer(found.bytes),
                    ],
                    remedy: "docker image history --no-trunc \(ShellWords.quote([image]))")
            }
        }
        return findings
    }

    /// Returns the images that its containers were made from, and the one that the next would be made from.
    private func images(of facts: InstanceFacts) throws -> [String] {
        var images = try engine.containers(of: facts).map(\.image).filter { !$0.isEmpty }
        if let next = facts.instance.config.settings["image"]?.string,
            engine.images.value?.contains(EngineFacts.fullName(ofImage: next)) == true
        {
            images.append(next)
        }
        return Array(Set(images)).sorted()
    }

    private func search(_ image: String, _ look: Look) async throws -> [ImageSearch.Found] {
        let processes = look.site.machine.processes
        var inspect = ProcessCall("docker", "image", "inspect", "--format", "{{.Size}}", image)
        inspect.limit = .seconds(4)
        let answer = try await processes.run(inspect)
        guard answer.succeeded, let size = Int64(answer.outputText.trimmed) else {
            throw CannotTell("the image \(image) cannot be inspected: \(answer.complaint)")
        }
        guard size <= Self.sizeLimit else {
            throw CannotTell("the image \(image) has \(ByteCount(size)), too much to look through")
        }
        var save = ProcessCall("docker", "image", "save", image)
        save.limit = Self.timeLimit
        let search = Mutex(ImageSearch())
        let result = try await processes.stream(save) { bytes in try search.withLock { try $0.take(bytes) } }
        let (found, unread, isComplete) = search.withLock { ($0.found, $0.unreadLayers, $0.isComplete) }
        // A finding counts, however the rest ended.
        guard found.isEmpty else { return found }
        guard result.succeeded, isComplete else {
            throw CannotTell("the image \(image) could not be read to its end: \(result.complaint)")
        }
        guard unread == 0 else {
            throw CannotTell(
                "\(unread) layers of the image \(image) are compressed in a way that is not read here")
        }
        return []
    }
}

extension EngineFacts {
    /// Returns the name as `docker image ls` prints it: with a tag.
    static func fullName(ofImage image: String) -> String {
        image.split(separator: "/").last?.contains(":") == true ? image : image + ":latest"
    }
}

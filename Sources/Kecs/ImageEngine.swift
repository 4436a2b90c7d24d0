// SPDX-License-Identifier: Apache-2.0
public import SystemPackage

/// An image that a container of an instance is made of.
public struct UsedImage: Hashable, Sendable {
    /// The name at the creation of the container: "ghcr.io/nandemo-ya/kecs:v0.1.0".
    public var reference: String
    /// "sha256:…", as the engine has it.
    public var id: String

    public init(reference: String, id: String) {
        self.reference = reference
        self.id = id
    }
}

/// The engine that has an instance's images. Nothing here fetches one.
///
/// A missing image is nil. An engine that does not answer is a `Failure(.unreachable)`.
public protocol ImageEngine: Sendable {
    /// The images of the instance's containers, running or not; empty without containers.
    func used() async throws -> [UsedImage]
    /// The id that a reference has now.
    func id(of reference: String) async throws -> String?
    /// The size of an image in bytes.
    func size(of id: String) async throws -> Int64?
    /// Writes an image, with its name, as an archive that the engine loads again.
    ///
    /// - Parameter file: It must not exist.
    func save(_ image: UsedImage, to file: FilePath) async throws
    /// Loads such an archive and gives the image its name.
    func load(_ file: FilePath, as image: UsedImage) async throws
}

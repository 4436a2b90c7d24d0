// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
public import SystemPackage

/// A file of ours that holds JSON, but not the expected content.
public struct JSONFileError: Error, Hashable, Sendable {
    public let path: FilePath
    public let why: String
    public init(path: FilePath, why: String) {
        self.path = path
        self.why = why
    }
}

/// Small JSON files of ours: pretty, with sorted keys, replaced atomically, 0600.
public enum JSONFile {
    public static func encode(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try [UInt8](encoder.encode(value)) + [UInt8(ascii: "\n")]
    }

    public static func write(_ value: some Encodable, to path: FilePath) throws {
        try path.replaceContents(encode(value))
    }

    /// - Throws: `JSONFileError` for anything that is not the JSON expected, `FileError` when it cannot be read.
    public static func read<Value: Decodable>(_ type: Value.Type, from path: FilePath) throws -> Value {
        try decode(type, from: path.contents(), at: path)
    }

    public static func decode<Value: Decodable>(
        _ type: Value.Type, from bytes: [UInt8], at path: FilePath
    ) throws -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch let error as DecodingError {
            throw JSONFileError(path: path, why: explain(error))
        } catch {
            throw JSONFileError(path: path, why: "it is not JSON")
        }
    }

    private static func explain(_ error: DecodingError) -> String {
        func place(_ context: DecodingError.Context) -> String {
            context.codingPath.map(\.stringValue).joined(separator: ".")
        }
        return switch error {
        case .keyNotFound(let key, let context):
            "“\((context.codingPath + [key]).map(\.stringValue).joined(separator: "."))” is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            "“\(place(context))” has the wrong type"
        case .dataCorrupted(let context):
            context.codingPath.isEmpty ? "it is not JSON" : "“\(place(context))”: \(context.debugDescription)"
        @unknown default: "it cannot be decoded"
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
import CYAML
import KecsSystem

/// YAML as `docker-compose config` prints it, read into JSON values: every key a text, anchors followed.
enum ComposeYAML {
    struct Problem: Error, Hashable, Sendable, CustomStringConvertible {
        var why: String
        /// The line, from 1; 0 when it has none.
        var line: Int
        var description: String { line > 0 ? "line \(line): \(why)" : why }
    }

    /// - Throws: `Problem`, also for nesting or aliases without end.
    static func parse(_ bytes: [UInt8]) throws(Problem) -> JSONValue {
        // It holds pointers into itself, so it must not move.
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        defer { parser.deallocate() }
        guard yaml_parser_initialize(parser) != 0 else { throw Problem(why: "there is no memory", line: 0) }
        defer { yaml_parser_delete(parser) }
        return try bytes.withUnsafeBufferPointer { buffer throws(Problem) in
            yaml_parser_set_input_string(parser, buffer.baseAddress, buffer.count)
            var reader = Reader(parser: parser)
            return try reader.document()
        }
    }

    /// Builds the value from the events.
    private struct Reader {
        private let parser: UnsafeMutablePointer<yaml_parser_t>
        private var anchors: [String: JSONValue] = [:]
        private var values = 0

        init(parser: UnsafeMutablePointer<yaml_parser_t>) { self.parser = parser }

        /// The limit of values. A compose file has a few thousand; an alias bomb has millions.
        private static let valueLimit = 1_000_000
        private static let depthLimit = 100

        private enum Event {
            case scalar(String, isPlain: Bool, anchor: String?)
            case sequence(anchor: String?)
            case mapping(anchor: String?)
            case alias(String)
            case end
            case other
            case streamEnd
        }

        mutating func document() throws(Problem) -> JSONValue {
            while true {
                let event = try next()
                switch event {
                case .other: continue
                case .streamEnd: return .null
                default: return try value(event, depth: 0)
                }
            }
        }

        private mutating func next() throws(Problem) -> Event {
            var event = yaml_event_t()
            guard yaml_parser_parse(parser, &event) != 0 else {
                throw Problem(
                    why: parser.pointee.problem.map { String(cString: $0) } ?? "it is not YAML",
                    line: Int(parser.pointee.problem_mark.line) + 1)
            }
            defer { yaml_event_delete(&event) }
            switch event.type {
            case YAML_SCALAR_EVENT:
                let scalar = event.data.scalar
                let text = String(
                    decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
                return .scalar(
                    text, isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE, anchor: Self.text(scalar.anchor))
            case YAML_SEQUENCE_START_EVENT:
                return .sequence(anchor: Self.text(event.data.sequence_start.anchor))
            case YAML_MAPPING_START_EVENT: return .mapping(anchor: Self.text(event.data.mapping_start.anchor))
            case YAML_ALIAS_EVENT: return .alias(Self.text(event.data.alias.anchor) ?? "")
            case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: return .end
            case YAML_STREAM_END_EVENT: return .streamEnd
            default: return .other
            }
        }

        private static func text(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
            pointer.map { String(cString: UnsafePointer($0)) }
        }

        private mutating func value(_ event: Event, depth: Int) throws(Problem) -> JSONValue {
            values += 1
            guard values < Self.valueLimit, depth < Self.depthLimit else {
                throw Problem(why: "it is nested too deeply", line: Int(parser.pointee.mark.line) + 1)
            }
            let value: JSONValue
            let name: String?
            switch event {
            case .scalar(let text, let isPlain, let anchor):
                value = isPlain ? Self.plain(text) : .string(text)
                name = anchor
            case .sequence(let anchor):
                value = .array(try elements(depth))
                name = anchor
            case .mapping(let anchor):
                value = .object(try fields(depth))
                name = anchor
            case .alias(let anchor):
                guard let known = anchors[anchor] else {
                    throw Problem(
                        why: "the anchor \(anchor) is unknown", line: Int(parser.pointee.mark.line) + 1)
                }
                // Expanding one costs as much as writing it out.
                values += known.count
                return known
            case .end, .other, .streamEnd:
                throw Problem(why: "it ends in the middle", line: Int(parser.pointee.mark.line) + 1)
            }
            if let name { anchors[name] = value }
            return value
        }

        private mutating func elements(_ depth: Int) throws(Problem) -> [JSONValue] {
            var elements: [JSONValue] = []
            while true {
                let event = try next()
                if case .end = event { return elements }
                elements.append(try value(event, depth: depth + 1))
            }
        }

        private mutating func fields(_ depth: Int) throws(Problem) -> [String: JSONValue] {
            var fields: [String: JSONValue] = [:]
            while true {
                let event = try next()
                if case .end = event { return fields }
                guard case .scalar(let key, _, _) = event else {
                    throw Problem(why: "a key is no text", line: Int(parser.pointee.mark.line) + 1)
                }
                let content = try value(try next(), depth: depth + 1)
                if key == "<<", case .object(let merged) = content {
                    fields.merge(merged) { own, _ in own }
                } else {
                    fields[key] = content
                }
            }
        }

        /// Returns the value of a plain scalar, with YAML 1.1's words as far as compose's files have them.
        private static func plain(_ text: String) -> JSONValue {
            switch text {
            case "", "~", "null": .null
            case "true": .bool(true)
            case "false": .bool(false)
            default: Int64(text).map { .integer($0) } ?? .string(text)
            }
        }
    }
}

extension JSONValue {
    /// The number of all values in it, itself included.
    fileprivate var count: Int {
        switch self {
        case .array(let elements): elements.reduce(1) { $0 + $1.count }
        case .object(let fields): fields.values.reduce(1) { $0 + $1.count }
        default: 1
        }
    }
}

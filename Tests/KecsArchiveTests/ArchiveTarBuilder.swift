// SPDX-License-Identifier: Apache-2.0

/// Builds tars that no honest program would.
struct TarBuilder {
    var bytes: [UInt8] = []

    struct Options {
        var type: Character = "0"
        var link: [UInt8] = []
        var content: [UInt8] = []
        /// When it is not the content's.
        var size: Int64?
        var mode = 0o644
        var prefix: [UInt8] = []
        var isGNU = false
        var breakChecksum = false
    }

    mutating func add(_ name: String, _ set: (inout Options) -> Void = { _ in }) {
        add(Array(name.utf8), set)
    }

    mutating func add(_ name: [UInt8], _ set: (inout Options) -> Void = { _ in }) {
        var options = Options()
        set(&options)
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ text: [UInt8], _ offset: Int, _ limit: Int) {
            for (index, byte) in text.prefix(limit).enumerated() { header[offset + index] = byte }
        }
        func octal(_ value: Int64, _ digits: Int) -> [UInt8] {
            let text = String(value, radix: 8)
            return Array((String(repeating: "0", count: max(0, digits - text.count)) + text).utf8)
        }
        put(name, 0, 100)
        put(octal(Int64(options.mode), 7), 100, 8)
        put(octal(0, 7), 108, 8)
        put(octal(0, 7), 116, 8)
        put(octal(options.size ?? Int64(options.content.count), 11), 124, 12)
        put(octal(1_600_000_000, 11), 136, 12)
        header[156] = options.type.asciiValue ?? 0
        put(options.link, 157, 100)
        put(Array((options.isGNU ? "ustar  \0" : "ustar\u{0}00").utf8), 257, 8)
        put(options.prefix, 345, 155)
        for index in 148..<156 { header[index] = 32 }
        let sum = header.reduce(0) { $0 + Int64($1) } + (options.breakChecksum ? 1 : 0)
        put(octal(sum, 6) + [0, 32], 148, 8)
        bytes += header
        bytes += options.content
        bytes += [UInt8](repeating: 0, count: (512 - options.content.count % 512) % 512)
    }

    /// An extended header; `raw` replaces the well-formed records.
    mutating func pax(_ records: [(String, String)], type: Character = "x", raw: [UInt8]? = nil) {
        var text: [UInt8] = []
        for (key, value) in records {
            let rest = key.utf8.count + value.utf8.count + 3
            var length = rest + 1
            while length != rest + String(length).count { length = rest + String(length).count }
            text += Array("\(length) \(key)=\(value)\n".utf8)
        }
        let content = raw ?? text
        add("./PaxHeaders/x") {
            $0.type = type
            $0.content = content
        }
    }

    mutating func link(_ name: String, to target: String, type: Character) {
        add(name) {
            $0.type = type
            $0.link = Array(target.utf8)
        }
    }

    mutating func file(_ name: String, _ text: String = "content") {
        add(name) { $0.content = Array(text.utf8) }
    }
    mutating func folder(_ name: String) {
        add(name) {
            $0.type = "5"
            $0.mode = 0o755
        }
    }

    mutating func end() { bytes += [UInt8](repeating: 0, count: 1024) }
    mutating func zeroBlock() { bytes += [UInt8](repeating: 0, count: 512) }
}

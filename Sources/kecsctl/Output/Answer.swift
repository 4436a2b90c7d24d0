// SPDX-License-Identifier: Apache-2.0

/// A command's answer on standard output: one value in its four forms.
struct Answer {
    /// JSON and YAML.
    var document: any Encodable
    /// The table for people, with its final newline. Gets the width of the terminal, or nil when there is none.
    var table: (_ width: Int?) -> String
    /// The ids or names, one a line.
    var names: [String]

    func text(_ format: OutputFormat, width: Int?) throws -> String {
        switch format {
        case .table: table(width)
        case .json: try JSONText.document(document)
        case .yaml: YAMLText.document(try JSONText.value(document))
        case .name: names.map { $0.printable + "\n" }.joined()
        }
    }
}

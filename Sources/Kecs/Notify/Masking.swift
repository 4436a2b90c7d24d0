// SPDX-License-Identifier: Apache-2.0
extension String {
    /// A line as other people may see it: what stands behind a name that sounds like a secret is gone.
    public var masked: String {
        let names = [
            "password", "passphrase", "passwd", "secret", "token", "apikey", "api_key", "access_key",
            "credential",
        ]
        return split(separator: " ", omittingEmptySubsequences: false).map { word -> String in
            guard let cut = word.firstIndex(where: { $0 == "=" || $0 == ":" }),
                word.index(after: cut) < word.endIndex
            else { return String(word) }
            let name = word[..<cut].lowercased()
            return names.contains { name.contains($0) } ? word[...cut] + "•••" : String(word)
        }.joined(separator: " ")
    }
}

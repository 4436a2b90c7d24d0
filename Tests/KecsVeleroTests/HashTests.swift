// SPDX-License-Identifier: Apache-2.0
import CHashes
import Testing

@Suite struct HashTests {
    /// Of the bytes 0, 1, 2 … with the key 0 … 31: published with HighwayHash, which is frozen.
    private static let highway: [(Int, String)] = [
        (0, "f574c8c22a4844dd1f35c713730146d9ff1487b9ccbeaeb3f41d75453123da41"),
        (1, "54825fe4bc41b9ed0fc6ca3def440de2474a32cb9b1b657284e475b24c627320"),
        (2, "54e4af24dff9df3f73e80a1b1abfc4117a592269cc6951112cb4330d59f60812"),
        (3, "5cd9d10dd7a00a48d0d111697c5e22895a86bb8b6b42a88e22c7e190c3fb3de2"),
        (4, "dce42b2197c4cfc99b92d2aff69d5fa89e10f41d219fda1f9b4f4d377a27e407"),
        (7, "81ad8709a0b166d6376d8ceb38f8f1a430e063d4076e22e96c522c067dd65457"),
        (8, "c08b76edb005b9f1453afffcf36f97e67897d0d98d51be4f330d1e37ebafa0d9"),
        (15, "2e604278700519c146b1018501dbc362c10634fa17adf58547c3fed47bf884c8"),
        (16, "1fcdb6a189d91af5d97b622ad675f0f7068af279f5d5017e9f4d176ac115d41a"),
        (17, "8e06a42ca8cff419b975923abd4a9d3bc610c0e9ddb000801356214909d58488"),
        (29, "56c554704f95d41beb6c597cff2edbff5b6bab1b9ac66a7c53c17f537076030f"),
        (30, "9874599788e32588c13263afebf67c6417c928dc03d92b55abc5bf002c63d772"),
        (31, "4d641a6076e28068dab70fb1208b72b36ed110060612bdd0f22e4533ef14ef8a"),
        (32, "fec3a139908ce3bc8912c1a32663d542a9aefc64f79555e3995a47c96b3cb0c9"),
        (33, "e5a634f0cb1501f6d046cebf75ea366c90597282d3c8173b357a0011eda2da7e"),
        (63, "67eb3a6a26f8b1f5dd1aec4dbe40b083aefb265b63c8e17f9fd7fede47a4a3f4"),
        (64, "7524c16affe6d890f2c1da6e192a421a02b08e1ffe65379ebecf51c3c4d7bdc1"),
    ]

    @Test func `HighwayHash-256 gives the published values`() {
        let key = (0..<32).map { UInt8($0) }
        for (count, expected) in Self.highway {
            let hash = WrittenObject.checksum((0..<count).map { UInt8($0) }, key: key)
            #expect(
                hash.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() == expected, "\(count)")
        }
    }

    @Test func `XXH64 gives the published values`() {
        func hash(_ bytes: [UInt8]) -> UInt64 {
            bytes.withUnsafeBufferPointer { hashes_xxh64($0.baseAddress, UInt64($0.count)) }
        }
        #expect(hash([]) == 0xef46_db37_51d8_e999)
        #expect(hash(Array("a".utf8)) == 0xd24e_c4f1_a98c_6e5b)
        #expect(hash(Array("ab".utf8)) == 7_347_350_983_217_793_633)
        #expect(hash(Array("abc".utf8)) == 0x44bc_2cf5_ad77_0999)
        // The buffer of xxHash's own sanity check.
        var generator: UInt64 = 2_654_435_761
        let buffer = (0..<222).map { _ in
            defer { generator &*= 11_400_714_785_074_694_797 }
            return UInt8(generator >> 56)
        }
        #expect(hash(buffer) == 0xb641_ae8c_b691_c174)
    }
}

#include "common/http/hmac.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// RFC 4231, test cases 1 to 4, 6 and 7.
struct Vector {
  std::string key, data, sha224, sha256, sha384, sha512;
};

const Vector kVectors[] = {
    {std::string(20, '\x0b'), "Hi There",
     "896fb1128abbdf196832107cd49df33f47b4b1169912ba4f53684b22",
     "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
     "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa"
     "9cb6",
     "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3"
     "f4e4be9d914eeb61f1702e696c203a126854"},
    {"Jefe", "what do ya want for nothing?",
     "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44",
     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
     "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab2"
     "1649",
     "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0"
     "e6fdcaeab1a34d4a6b4b636e070a38bce737"},
    {std::string(20, '\xaa'), std::string(50, '\xdd'),
     "7fb3cb3588c6c1f6ffa9694d7d6ad2649365b0c1f65d69d1ec8333ea",
     "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
     "88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966144b2a5ab39dc13814b94e3ab6e101a3"
     "4f27",
     "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39bf3e848279a722c806b485a47e67"
     "c807b946a337bee8942674278859e13292fb"},
    {std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First",
     "95e9a0db962095adaebe9b2d6f0dbce2d499f112f2d2b7273fa6870e",
     "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
     "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f4"
     "4952",
     "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a"
     "1e5295e64f73f63f0aec8b915a985d786598"},
};

TEST(HmacTest, SignaturesAreThoseOfTheRfc) {
  for (const Vector& vector : kVectors) {
    const struct {
      const char* algorithm;
      const std::string& hex;
    } cases[] = {{"sha224", vector.sha224},
                 {"sha256", vector.sha256},
                 {"sha384", vector.sha384},
                 {"sha512", vector.sha512}};
    for (const auto& c : cases) {
      const std::string right = absl::StrCat(c.algorithm, "=", c.hex);
      EXPECT_EQ(Sign(c.algorithm, Secret(vector.key), vector.data).value_or("none"), right);
      EXPECT_TRUE(VerifySignature(right, Secret(vector.key), vector.data).ok()) << right;
    }
  }
}

TEST(HmacTest, HexMayBeInUpperCase) {
  const std::string hex = absl::AsciiStrToUpper(kVectors[1].sha256);
  EXPECT_TRUE(VerifySignature("sha256=" + hex, Secret("Jefe"), kVectors[1].data).ok());
}

TEST(HmacTest, WhatIsNotTheSignatureOfTheBodyIsRefused) {
  const std::string right = "sha256=" + kVectors[1].sha256;
  const std::string& body = kVectors[1].data;
  const struct {
    std::string signature, key, body, why;
  } cases[] = {
      {right, "jefe", body, "does not match this body"},
      {right, "Jefe", body + " ", "does not match this body"},
      {right.substr(0, right.size() - 1), "Jefe", body, "does not match this body"},
      {right + "0", "Jefe", body, "does not match this body"},
      {"sha256=", "Jefe", body, "does not match this body"},
      {"sha512=" + kVectors[1].sha256, "Jefe", body, "does not match this body"},
      {"", "Jefe", body, "not of the form"},
      {kVectors[1].sha256, "Jefe", body, "not of the form"},
      {"md5=" + kVectors[1].sha256, "Jefe", body, "unknown algorithm"},
      {"SHA256=" + kVectors[1].sha256, "Jefe", body, "unknown algorithm"},
      {right, "", body, "no key"},
  };
  for (const auto& c : cases) {
    const absl::Status status = VerifySignature(c.signature, Secret(c.key), c.body);
    EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated) << c.signature;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.why)) << c.signature;
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr(kVectors[1].sha256)));
  }
}

TEST(HmacTest, UnknownAlgorithmCannotSign) {
  const auto signature = Sign(std::string(500, 'x'), Secret("key"), "body");
  EXPECT_EQ(signature.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_LT(signature.status().message().size(), 100);
}

TEST(HmacTest, TheFinalLineBreakOfATextIsNotPartOfTheKey) {
  const struct {
    std::string file, key;
  } cases[] = {
      {"text", "text"},
      {"text\n", "text"},
      {"text\r\n", "text"},
      {"text\n\n", "text\n"},
      {"two\nlines\n", "two\nlines"},
      {"a\ttab\n", "a\ttab"},
      {"schl\xc3\xbcssel \xe2\x82\xac\n", "schl\xc3\xbcssel \xe2\x82\xac"},
      {"\n", ""},
      {"", ""},
      {"text\r", "text\r"},
      // Binary.
      {"\x01\x02\n", "\x01\x02\n"},
      {"\xff\xfe\n", "\xff\xfe\n"},
      {std::string("a\0b\n", 4), std::string("a\0b\n", 4)},
  };
  for (const auto& c : cases) EXPECT_EQ(HmacKeyFromFile(c.file).Reveal(), c.key);
}

}  // namespace
}  // namespace gitops

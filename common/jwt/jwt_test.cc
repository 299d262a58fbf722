#include "common/jwt/jwt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/hmac.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/jwt/signer.h"

namespace gitops {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);
constexpr char kAudience[] = "https://gitops.example";

json Claims(const json& changed = json::object()) {
  json claims = {{"iss", "https://ci.example"}, {"sub", "repo:acme/ops"}, {"aud", kAudience},
                 {"exp", 1'800'000'300},        {"nbf", 1'799'999'990},   {"iat", 1'799'999'990}};
  claims.update(changed);
  return claims;
}

absl::Status Check(const std::string& token, const std::string& key_set) {
  const absl::StatusOr<KeySet> keys = KeySet::Parse(key_set);
  if (!keys.ok()) return absl::InternalError(keys.status().message());
  const absl::StatusOr<Jwt> jwt = Jwt::Parse(token);
  return jwt.ok() ? jwt->Verify(*keys, kAudience, kNow) : jwt.status();
}

class JwtAlgorithmTest : public ::testing::TestWithParam<JwtAlgorithm> {};

TEST_P(JwtAlgorithmTest, ATokenOfTheIssuersKeyIsVerified) {
  const JwtSigner signer(GetParam());
  EXPECT_EQ(Check(signer.Sign(Claims()), signer.KeySetText()), absl::OkStatus());
  const absl::StatusOr<Jwt> jwt = Jwt::Parse(signer.Sign(Claims()));
  ASSERT_TRUE(jwt.ok());
  EXPECT_EQ(jwt->issuer(), "https://ci.example");
  EXPECT_EQ(jwt->subject(), "repo:acme/ops");
  EXPECT_EQ(jwt->expires(), absl::FromUnixSeconds(1'800'000'300));
}

TEST_P(JwtAlgorithmTest, ATokenOfAnotherKeyOfTheSameIdIsRefused) {
  EXPECT_THAT(
      std::string(Check(JwtSigner(GetParam()).Sign(Claims()), JwtSigner(GetParam()).KeySetText())
                      .message()),
      HasSubstr("signature"));
}

TEST_P(JwtAlgorithmTest, AChangedByteOfAnyPartIsRefused) {
  const JwtSigner signer(GetParam());
  const std::string token = signer.Sign(Claims());
  // The last character of a part may have bits that mean nothing.
  for (size_t i = 0; i < token.size(); i += 7) {
    if (token[i] == '.' || i + 1 == token.size() || token[i + 1] == '.') continue;
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(Check(changed, signer.KeySetText()).ok()) << i;
  }
  EXPECT_FALSE(Check(token.substr(0, token.rfind('.') + 1), signer.KeySetText()).ok());
}

INSTANTIATE_TEST_SUITE_P(All, JwtAlgorithmTest,
                         ::testing::Values(JwtAlgorithm::kRs256, JwtAlgorithm::kEs256,
                                           JwtAlgorithm::kEdDsa),
                         [](const auto& tested) {
                           return std::string(JwtAlgorithmName(tested.param));
                         });

class JwtTest : public ::testing::Test {
 protected:
  absl::Status CheckClaims(const json& changed) {
    return Check(signer_.Sign(Claims(changed)), signer_.KeySetText());
  }
  std::string Message(const json& changed) { return std::string(CheckClaims(changed).message()); }
  absl::Status CheckHeader(const json& header) {
    return Check(signer_.Sign(Claims(), header), signer_.KeySetText());
  }

  const JwtSigner signer_{JwtAlgorithm::kEs256};
};

TEST_F(JwtTest, NoSignatureIsRefused) {
  for (const char* none : {"none", "None", "NONE", ""}) {
    EXPECT_THAT(std::string(CheckHeader({{"alg", none}}).message()), HasSubstr("not signed by"));
  }
  EXPECT_FALSE(CheckHeader({{"alg", nullptr}}).ok());
}

// The classic: what everybody knows of the issuer is taken for a secret.
TEST_F(JwtTest, AnHmacWithThePublicKeyIsRefused) {
  const JwtSigner rsa(JwtAlgorithm::kRs256);
  const std::string text =
      absl::StrCat(absl::WebSafeBase64Escape(R"({"alg":"HS256","typ":"JWT","kid":"key-1"})"), ".",
                   absl::WebSafeBase64Escape(Claims().dump()));
  const std::string secret = rsa.PublicKey().dump();
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac, &size);
  const std::string token = absl::StrCat(
      text, ".", absl::WebSafeBase64Escape(absl::string_view(reinterpret_cast<char*>(mac), size)));
  EXPECT_THAT(std::string(Check(token, rsa.KeySetText()).message()), HasSubstr("not signed by"));
}

TEST_F(JwtTest, AKeyIsUsedForItsOwnAlgorithmOnly) {
  EXPECT_EQ(CheckHeader({{"alg", "RS256"}}).code(), absl::StatusCode::kNotFound);
}

TEST_F(JwtTest, AKeyIdIsAnEntryOfTheSetAndNothingElse) {
  for (const char* id : {"../../etc/passwd", "/dev/null", "key-1' OR '1'='1", "key-1\n", "KEY-1"}) {
    EXPECT_EQ(CheckHeader({{"kid", id}}).code(), absl::StatusCode::kNotFound) << id;
  }
  EXPECT_FALSE(CheckHeader({{"kid", 1}}).ok());
  EXPECT_FALSE(CheckHeader({{"kid", {"key-1"}}}).ok());
}

TEST_F(JwtTest, ATokenThatBringsItsKeyIsRefused) {
  for (const char* member : {"jku", "x5u", "jwk", "x5c", "crit"}) {
    EXPECT_THAT(std::string(CheckHeader({{member, "https://evil.example/keys"}}).message()),
                AllOf(HasSubstr(member), Not(HasSubstr("evil"))));
  }
}

TEST_F(JwtTest, ItMustBeForThisAudience) {
  EXPECT_EQ(CheckClaims({{"aud", {"other", kAudience}}}), absl::OkStatus());
  for (const json& aud : {json("other"), json(""), json(json::array()), json(nullptr), json(1),
                          json({{"a", kAudience}}), json(absl::StrCat(kAudience, "/"))}) {
    EXPECT_THAT(Message({{"aud", aud}}), HasSubstr("not for the audience")) << aud;
  }
}

TEST_F(JwtTest, AMinuteOfDifferentClocksIsAllowed) {
  EXPECT_EQ(CheckClaims({{"exp", 1'799'999'941}}), absl::OkStatus());
  EXPECT_EQ(CheckClaims({{"nbf", 1'800'000'060}}), absl::OkStatus());
  EXPECT_THAT(Message({{"exp", 1'799'999'940}}), HasSubstr("expired"));
  EXPECT_THAT(Message({{"nbf", 1'800'000'061}}), HasSubstr("not valid before"));
  EXPECT_THAT(Message({{"iat", 1'800'000'061}}), HasSubstr("not valid before"));
}

TEST_F(JwtTest, AClockThatIsAnHourOffIsSeenInTheMessage) {
  EXPECT_THAT(Message({{"exp", 1'799'996'700}}),
              AllOf(HasSubstr("expired at 2027-01-15T07:05:00Z"),
                    HasSubstr("the clock of this machine says 2027-01-15T08:00:00Z")));
}

TEST_F(JwtTest, TimesAreNumbersAndItHasAnEnd) {
  for (const json& time : {json("1800000300"), json(-1), json(1e300), json(nullptr), json(true)}) {
    EXPECT_FALSE(CheckClaims({{"exp", time}}).ok()) << time;
    EXPECT_FALSE(CheckClaims({{"nbf", time}}).ok()) << time;
  }
  json claims = Claims();
  claims.erase("exp");
  EXPECT_THAT(std::string(Check(signer_.Sign(claims), signer_.KeySetText()).message()),
              HasSubstr("no time at which it expires"));
}

TEST_F(JwtTest, AMemberThatIsThereTwiceIsRefused) {
  const std::string header = R"({"alg":"ES256","kid":"key-1"})";
  const std::string claims = Claims().dump();
  EXPECT_EQ(Check(signer_.SignTexts(header, claims), signer_.KeySetText()), absl::OkStatus());
  const std::string twice = R"({"sub":"admin",)" + claims.substr(1);
  EXPECT_THAT(std::string(Check(signer_.SignTexts(header, twice), signer_.KeySetText()).message()),
              HasSubstr("twice"));
  EXPECT_FALSE(Check(signer_.SignTexts(R"({"alg":"none","alg":"ES256","kid":"key-1"})", claims),
                     signer_.KeySetText())
                   .ok());
}

TEST_F(JwtTest, WhatIsNoTokenIsRefusedWithoutBeingPrinted) {
  const std::string deep = std::string(200, '[') + std::string(200, ']');
  for (const std::string& token :
       {std::string("secret"), std::string("secret.secret.secret"), std::string(".."),
        std::string("a.b.c.d"), signer_.Sign(Claims()) + "=", " " + signer_.Sign(Claims()),
        signer_.SignTexts("[]", Claims().dump()), signer_.SignTexts(R"({"alg":"ES256"})", "secret"),
        signer_.SignTexts(R"({"alg":"ES256"})", R"({"secret":)" + deep + "}"),
        signer_.Sign(Claims({{"secret", std::string(kMaxJwtBytes, 's')}}))}) {
    const absl::Status refused = Jwt::Parse(token).status();
    EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument) << token.substr(0, 100);
    EXPECT_THAT(std::string(refused.message()), Not(HasSubstr("secret")));
  }
}

TEST_F(JwtTest, ATokenLooksLikeOneByItsForm) {
  EXPECT_TRUE(LooksLikeJwt(signer_.Sign(Claims())));
  EXPECT_FALSE(LooksLikeJwt("gitops_3f786850e387550fdab836ed7e6dc881"));
  EXPECT_FALSE(LooksLikeJwt("eyJhbGciOi"));
}

TEST(KeySetTest, WeakKeysAndOtherKindsAreLeftOut) {
  const JwtSigner good(JwtAlgorithm::kRs256, "good"), weak(JwtAlgorithm::kRs256, "weak", 1024);
  json encrypts = good.PublicKey();
  encrypts["use"] = "enc";
  encrypts["kid"] = "encrypts";
  json other = good.PublicKey();
  other["alg"] = "PS256";
  const json keys = {{"keys",
                      {weak.PublicKey(),
                       encrypts,
                       other,
                       good.PublicKey(),
                       {{"kty", "oct"}, {"k", "c2VjcmV0"}, {"kid", "shared"}},
                       {{"kty", "EC"}, {"crv", "P-521"}, {"kid", "other-curve"}}}}};
  const auto set = KeySet::Parse(keys.dump());
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->size(), 1u);
  EXPECT_TRUE(set->Find(JwtAlgorithm::kRs256, "good").ok());
  EXPECT_TRUE(absl::IsNotFound(set->Find(JwtAlgorithm::kRs256, "weak").status()));
  EXPECT_FALSE(KeySet::Parse(weak.KeySetText()).ok());
}

TEST(KeySetTest, WithoutAnIdTheOnlyKeyOfItsKindIsMeant) {
  const JwtSigner one(JwtAlgorithm::kEs256, "1"), two(JwtAlgorithm::kEs256, "2"),
      other(JwtAlgorithm::kEdDsa, "3");
  const auto set =
      KeySet::Parse(json{{"keys", {one.PublicKey(), two.PublicKey(), other.PublicKey()}}}.dump());
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_TRUE(set->Find(JwtAlgorithm::kEdDsa, "").ok());
  EXPECT_TRUE(absl::IsInvalidArgument(set->Find(JwtAlgorithm::kEs256, "").status()));
}

TEST(KeySetTest, DamagedKeysAreErrors) {
  json off_curve = JwtSigner(JwtAlgorithm::kEs256).PublicKey();
  off_curve["y"] = off_curve["x"];
  json short_key = JwtSigner(JwtAlgorithm::kEdDsa).PublicKey();
  short_key["x"] = "AAAA";
  json no_number = JwtSigner(JwtAlgorithm::kRs256).PublicKey();
  no_number.erase("n");
  for (const json& key : {off_curve, short_key, no_number}) {
    EXPECT_TRUE(absl::IsInvalidArgument(KeySet::Parse(json{{"keys", {key}}}.dump()).status()))
        << key;
  }
  for (const char* text : {"", "[]", "{}", R"({"keys":{}})", R"({"keys":[]})", "<html>"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(KeySet::Parse(text).status())) << text;
  }
}

}  // namespace
}  // namespace gitops

#include "common/rpc/status.h"

#include <gtest/gtest.h>

#include <string>

namespace gitops {
namespace {

TEST(StatusTest, EveryCodeSurvivesBothWays) {
  for (int code = 1; code <= 16; ++code) {
    const absl::Status status(static_cast<absl::StatusCode>(code), "why");
    const grpc::Status sent = ToGrpcStatus(status);
    EXPECT_EQ(sent.error_code(), code);
    EXPECT_EQ(FromGrpcStatus(sent), status);
  }
  EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).ok());
  EXPECT_TRUE(FromGrpcStatus(grpc::Status::OK).ok());
}

TEST(StatusTest, CodeThatNobodyDefinedIsUnknown) {
  const grpc::Status odd(static_cast<grpc::StatusCode>(20), "why");
  EXPECT_EQ(FromGrpcStatus(odd), absl::UnknownError("why"));
}

TEST(StatusTest, InvalidUtf8IsReplacedAndTheRestKept) {
  struct Case {
    std::string message, sent;
  };
  for (const Case& c : {
           Case{"caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80", "café € 😀"},
           Case{"a\xFFz", "a\uFFFDz"},
           Case{"cut \xE2\x82", "cut \uFFFD\uFFFD"},
           Case{"overlong \xC0\xAF", "overlong \uFFFD\uFFFD"},
           Case{"surrogate \xED\xA0\x80", "surrogate \uFFFD\uFFFD\uFFFD"},
           Case{"beyond \xF4\x90\x80\x80", "beyond \uFFFD\uFFFD\uFFFD\uFFFD"},
       }) {
    EXPECT_EQ(ToGrpcStatus(absl::InternalError(c.message)).error_message(), c.sent);
  }
}

TEST(StatusTest, LongMessageIsCutBetweenCharacters) {
  std::string message;
  for (int i = 0; i < 5000; ++i) message += "é";
  const std::string sent = ToGrpcStatus(absl::InternalError(message)).error_message();
  EXPECT_LE(sent.size() * 3, 6100u);
  EXPECT_EQ(sent.substr(sent.size() - 5), "é…");
}

}  // namespace
}  // namespace gitops

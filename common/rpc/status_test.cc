#include "common/rpc/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "common/rpc/error.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::Pair;

absl::Status RoundTrip(const absl::Status& status) { return FromGrpcStatus(ToGrpcStatus(status)); }

size_t EncodedBytes(const std::string& message) {
  size_t bytes = 0;
  for (const char c : message) bytes += c >= ' ' && c <= '~' && c != '%' ? 1 : 3;
  return bytes;
}

TEST(StatusTest, EveryCodeSurvivesBothWays) {
  for (int code = 1; code <= 16; ++code) {
    const absl::Status status(static_cast<absl::StatusCode>(code), "why");
    const grpc::Status sent = ToGrpcStatus(status);
    EXPECT_EQ(sent.error_code(), code);
    const absl::Status received = FromGrpcStatus(sent);
    EXPECT_EQ(received.code(), status.code());
    EXPECT_EQ(received.message(), "why");
    EXPECT_EQ(ReasonName(received), absl::StatusCodeToString(status.code()));
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
  for (const char* text : {"é", "\n", "x"}) {
    std::string message;
    for (int i = 0; i < 5000; ++i) message += text;
    const std::string sent = ToGrpcStatus(absl::InternalError(message)).error_message();
    EXPECT_LE(EncodedBytes(sent), kMaxEncodedMessage);
    EXPECT_GE(EncodedBytes(sent), kMaxEncodedMessage - 10);
    EXPECT_THAT(sent, EndsWith(absl::StrCat(text, "…")));
  }
  const std::string whole(kMaxEncodedMessage, 'x');
  EXPECT_EQ(ToGrpcStatus(absl::InternalError(whole)).error_message(), whole);
}

TEST(StatusTest, ReasonMetadataViolationsAndRetrySurviveTheWire) {
  absl::Status sent = MakeError(Reason::kHostUnreachable, "web1 is away", {{"host", "web1"}});
  AddFieldViolation("selection.on[0]", "names a host that is away", sent);
  const absl::Status received = RoundTrip(sent);
  EXPECT_EQ(received.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(received.message(), "web1 is away");
  EXPECT_TRUE(HasReason(received, Reason::kHostUnreachable));
  EXPECT_THAT(MetadataOf(received), ElementsAre(Pair("host", "web1")));
  EXPECT_EQ(RetryDelayOf(received), absl::Seconds(10));
  ASSERT_EQ(BadRequestOf(received).field_violations_size(), 1);
  EXPECT_EQ(BadRequestOf(received).field_violations(0).field(), "selection.on[0]");
  EXPECT_EQ(RoundTrip(received), received) << "a second hop changes nothing";
}

TEST(StatusTest, EveryErrorThatIsSentHasAReasonInTheDomain) {
  google::rpc::Status sent;
  ASSERT_TRUE(sent.ParseFromString(ToGrpcStatus(absl::NotFoundError("x")).error_details()));
  ASSERT_EQ(sent.details_size(), 1);
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(sent.details(0).UnpackTo(&info));
  EXPECT_EQ(info.reason(), "NOT_FOUND");
  EXPECT_EQ(info.domain(), "gitops");
  EXPECT_EQ(sent.code(), 5);
  EXPECT_EQ(sent.message(), "x");
}

TEST(StatusTest, ViolationsThatDoNotFitAreCounted) {
  constexpr int kAll = 400;
  absl::Status status = absl::InvalidArgumentError("all of it is wrong");
  for (int i = 0; i < kAll; ++i) AddFieldViolation(absl::StrCat("actions[", i, "]"), "bad", status);
  const grpc::Status sent = ToGrpcStatus(status);
  EXPECT_LE(sent.error_details().size(), kMaxErrorDetails);
  const absl::Status received = FromGrpcStatus(sent);
  const int kept = BadRequestOf(received).field_violations_size();
  EXPECT_GT(kept, 50);
  EXPECT_THAT(MetadataOf(received),
              ElementsAre(Pair(kViolationsLeftOut, absl::StrCat(kAll - kept))));
}

TEST(StatusTest, OtherPayloadsSurviveWhereTheyFit) {
  absl::Status status = MakeError(Reason::kInternal, "failed");
  status.SetPayload("type.googleapis.com/x.Small", absl::Cord("bytes \xFF"));
  status.SetPayload("type.googleapis.com/x.Large", absl::Cord(std::string(10'000, 'x')));
  const absl::Status usual = RoundTrip(status);
  EXPECT_EQ(usual.GetPayload("type.googleapis.com/x.Small"), absl::Cord("bytes \xFF"));
  EXPECT_FALSE(usual.GetPayload("type.googleapis.com/x.Large").has_value());
  EXPECT_EQ(FromGrpcStatus(ToGrpcStatus(status, 20'000)), status);
}

TEST(StatusTest, PeerWithTooMuchMetadataKeepsItsReason) {
  ErrorMetadata metadata;
  for (int i = 0; i < 100; ++i) metadata[absl::StrCat("key", i)] = std::string(200, 'x');
  const grpc::Status sent = ToGrpcStatus(MakeError(Reason::kHookStopped, "x", metadata));
  EXPECT_LE(sent.error_details().size(), kMaxErrorDetails);
  EXPECT_TRUE(HasReason(FromGrpcStatus(sent), Reason::kHookStopped));
}

TEST(StatusTest, DetailsThatAreNoStatusAreDropped) {
  const grpc::Status foreign(grpc::StatusCode::ABORTED, "why", "\xFF\xFFraw bytes");
  EXPECT_EQ(FromGrpcStatus(foreign), absl::AbortedError("why"));
  google::rpc::Status other = ToStatusProto(MakeError(Reason::kPlanStale, "other"));
  const grpc::Status mixed(grpc::StatusCode::ABORTED, "why", other.SerializeAsString());
  EXPECT_EQ(FromGrpcStatus(mixed), absl::AbortedError("why"));
}

}  // namespace
}  // namespace gitops

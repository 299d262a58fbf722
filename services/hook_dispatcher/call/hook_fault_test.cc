// What endpoints do that they should not: each stops the chain with an error that tells it, in
// time, and leaves the payload as it was.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/clock/fake_clock.h"
#include "common/http/test_certificates.h"
#include "services/hook_dispatcher/call/dispatcher.h"
#include "services/hook_dispatcher/testing/hook_endpoint.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;

constexpr char kAgreed[] = R"({"host":"web1","actions":["push"]})";

class HookFaultTest : public ::testing::Test {
 protected:
  HookFaultTest() {
    hook_.name = "drain";
    hook_.points = {"pre-deploy", "pre-select"};
    hook_.retries = 0;
    hook_.timeout = absl::Seconds(5);
    DispatcherOptions options;
    options.http = http_.get();
    options.clock = Clock::System();
    dispatcher_ = NewDispatcher(std::move(options));
  }

  v1::DispatchHookResponse Ask(const std::string& point = "pre-deploy") {
    dispatcher_->SetHooks({hook_});
    HookQuestion question;
    question.point = point;
    question.payload = {{"web1", {"push"}}};
    auto response = dispatcher_->Dispatch(question, [] { return false; });
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? *response : v1::DispatchHookResponse();
  }

  // The message of the failure that `answer` is.
  std::string Failure(HookEndpoint::Answer answer, const std::string& point = "pre-deploy") {
    HookEndpoint endpoint({std::move(answer)});
    hook_.url = endpoint.url();
    const auto response = Ask(point);
    EXPECT_TRUE(response.has_failure());
    EXPECT_EQ(response.hosts_size(), 1);
    EXPECT_EQ(response.hosts(0).actions_size(), 1);
    EXPECT_THAT(response.failure().message(), HasSubstr("hook \"drain\" at " + point));
    return response.failure().message();
  }

  HookSpec hook_;
  const std::unique_ptr<HttpClient> http_ = NewHttpClient();
  std::unique_ptr<Dispatcher> dispatcher_;
};

TEST_F(HookFaultTest, OtherStatusesStopEvenWithAGoodBody) {
  for (const int status : {201, 202, 204, 206, 400, 401, 404, 409, 500, 503}) {
    EXPECT_THAT(Failure(Says(status, status == 204 ? "" : kAgreed)),
                HasSubstr(absl::StrCat("status ", status)));
  }
}

TEST_F(HookFaultTest, RedirectStopsAndIsNotFollowed) {
  HookEndpoint elsewhere({Agrees()});
  for (const int status : {301, 302, 303, 307, 308}) {
    EXPECT_THAT(Failure(Says(status, "", absl::StrCat("Location: ", elsewhere.url(), "\r\n"))),
                HasSubstr(absl::StrCat("status ", status, ": a redirect, which is not followed")));
  }
  EXPECT_EQ(elsewhere.connections(), 0);
}

TEST_F(HookFaultTest, BodiesThatAreNoPayloadStop) {
  const struct {
    std::string body;
    const char* why;
  } cases[] = {
      {"<html><body>It works!</body></html>", "body starts: \"<html><body>It works!"},
      {"", "the body is empty"},
      {"\xff\xfe\xfd", "it is not UTF-8"},
      {"\xef\xbb\xbf{\"host\": \"web1\", \"actions\": [\"push\"]}",
       "it is not JSON: it starts with a byte-order mark"},
      {std::string(100'000, '['), "nested deeper than 32"},
      {R"({"host":"web1","actions":["push","explode"]})", "unknown action \"explode\""},
      {R"({"host":"db1","actions":["push"]})", "for another host, \"db1\""},
      {R"([{"host":"web1","actions":["push"]}])", "not an object"},
      {R"({"host":"web1","actions":["push"],"actions":[]})", "\"actions\" is repeated"},
  };
  for (const auto& c : cases) {
    const std::string message = Failure(Says(c.body));
    EXPECT_THAT(message, HasSubstr("status 200: the answer is not valid: "));
    EXPECT_THAT(message, HasSubstr(c.why));
  }
}

TEST_F(HookFaultTest, DuplicatedAndUnknownHostsStopASelection) {
  EXPECT_THAT(Failure(Says(absl::StrCat("[", kAgreed, ",", kAgreed, "]")), "pre-select"),
              HasSubstr("\"web1\" is listed twice"));
  EXPECT_THAT(Failure(Says(R"([{"host":"db1","actions":[]}])"), "pre-select"),
              HasSubstr("\"db1\" is not in the fleet"));
}

TEST_F(HookFaultTest, TwoMegabytesStopWithoutBeingRead) {
  const std::string message = Failure(Says(std::string(2 << 20, 'x')));
  EXPECT_THAT(message, HasSubstr("status 200"));
  EXPECT_THAT(message, HasSubstr("longer than 1048576 bytes"));
  EXPECT_THAT(message, HasSubstr("body starts: \"xxxx"));
  // Exactly the most is no fault in itself.
  std::string largest = kAgreed;
  largest.resize(1 << 20, ' ');
  HookEndpoint endpoint({Says(largest)});
  hook_.url = endpoint.url();
  EXPECT_FALSE(Ask().has_failure());
}

TEST_F(HookFaultTest, ReadOnlyHookMayTalkForEver) {
  HookEndpoint endpoint({Does([](RawConnection& connection) {
    connection.Send("HTTP/1.1 200 OK\r\n\r\n");
    while (connection.Send(std::string(10'000, 'x'))) {
    }
  })});
  hook_.url = endpoint.url();
  hook_.mode = HookMode::kReadOnly;
  const auto response = Ask();
  EXPECT_FALSE(response.has_failure());
  EXPECT_EQ(response.calls(0).response(), std::string(16 << 10, 'x'));
}

TEST_F(HookFaultTest, LateSlowAndSilentEndpointsAreLeftInTimeAndNotTriedAgain) {
  hook_.timeout = absl::Milliseconds(300);
  hook_.retries = 5;
  const HookEndpoint::Answer answers[] = {
      Does([](RawConnection& c) { c.WaitForClose(absl::Seconds(20)); }),
      Does([](RawConnection& c) {
        c.Pause(absl::Seconds(20));
        c.Send(HttpAnswer(200, kAgreed));
      }),
      Does([](RawConnection& c) {
        c.Send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
        while (c.Send(" ")) c.Pause(absl::Milliseconds(20));
      }),
      Does([](RawConnection& c) {
        c.Send("HTTP/1.1 200 OK\r\n");
        while (c.Send("X-Drip: 1\r\n")) c.Pause(absl::Milliseconds(20));
      }),
  };
  for (const HookEndpoint::Answer& answer : answers) {
    const absl::Time began = absl::Now();
    EXPECT_THAT(Failure(answer), HasSubstr("no complete answer within 300ms"));
    EXPECT_LT(absl::Now() - began, absl::Seconds(15));
  }
}

TEST_F(HookFaultTest, NobodyThereStopsAfterTheRetries) {
  hook_.url = absl::StrCat("http://127.0.0.1:", ClosedPort(), "/drain?token=hush");
  hook_.retries = 1;
  const auto response = Ask();
  EXPECT_EQ(response.calls(0).attempt_count(), 2);
  EXPECT_EQ(response.failure().http_status(), 0);
  EXPECT_THAT(response.failure().message(), HasSubstr("no answer: POST http://127.0.0.1:"));
  EXPECT_THAT(response.failure().message(), ::testing::Not(HasSubstr("hush")));
}

TEST_F(HookFaultTest, ServersThatBreakOffStop) {
  EXPECT_THAT(Failure(Does([](RawConnection&) {})), HasSubstr("no answer"));
  EXPECT_THAT(Failure(Does([](RawConnection& c) {
                c.Send("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"host\"");
              })),
              HasSubstr("status 200"));
  EXPECT_THAT(Failure(Does([](RawConnection& c) { c.Send("220 smtp.example ESMTP\r\n"); })),
              HasSubstr("not HTTP"));
}

TEST_F(HookFaultTest, OnlyTheNamedAuthorityIsTrustedAndTheClientCertificateIsShown) {
  const std::string directory = ::testing::TempDir() + "tls";
  ASSERT_EQ(std::system(("mkdir -p " + directory).c_str()), 0);
  const TestCertificates certificates(directory);
  HookEndpoint endpoint({Agrees()}, {.serve = {},
                                     .certificate_file = certificates.server_certificate,
                                     .key_file = certificates.server_key,
                                     .client_ca_file = certificates.ca_file});
  hook_.url = endpoint.url();
  EXPECT_THAT(Ask().failure().message(), HasSubstr("certificate"));
  hook_.ca_file = certificates.ca_file;
  EXPECT_TRUE(Ask().has_failure());
  hook_.client_cert_file = certificates.client_certificate;
  hook_.client_key_file = certificates.client_key;
  const auto response = Ask();
  EXPECT_FALSE(response.has_failure()) << response.failure().message();
  EXPECT_EQ(endpoint.requests().size(), 1);
}

// Every wait passes at once, and somebody sets the wall clock back by an hour meanwhile.
class SetBackClock final : public FakeClock {
 public:
  bool WaitUntil(Mutex&, CondVar&, SteadyTime deadline) override {
    Advance(deadline - SteadyNow());
    SetTime(Now() - absl::Hours(1));
    return false;
  }
};

TEST_F(HookFaultTest, AClockThatIsSetBackDoesNotProlongThePauseBeforeAnotherAttempt) {
  SetBackClock clock;
  DispatcherOptions options;
  options.http = http_.get();
  options.clock = &clock;
  dispatcher_ = NewDispatcher(std::move(options));
  HookEndpoint endpoint({Says(503, ""), Says(kAgreed)});
  hook_.url = endpoint.url();
  hook_.retries = 1;
  dispatcher_->SetHooks({hook_});
  HookQuestion question;
  question.point = "pre-deploy";
  question.payload = {{"web1", {"push"}}};
  const absl::Time limit = absl::Now() + absl::Seconds(10);
  const auto response = dispatcher_->Dispatch(question, [&] { return absl::Now() > limit; });
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_FALSE(response->has_failure()) << response->failure().message();
}

}  // namespace
}  // namespace gitops

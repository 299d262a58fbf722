#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/testing/eventually.h"
#include "gateway/api/api_fixture.h"
#include "gateway/api/api_routes.h"
#include "gateway/api/event_cursor.h"

namespace gitops {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(EventCursorTest, IsReadBackAndNothingElseIs) {
  const EventCursor cursor = {{"fleet", "f1"}, {"deployments", ""}};
  EXPECT_EQ(*DecodeCursor(EncodeCursor(cursor)), cursor);
  for (const char* bad : {"x", "!", "W10=", "bnVsbA==", "eyJhIjoxfQ=="}) {
    EXPECT_TRUE(absl::IsInvalidArgument(DecodeCursor(bad).status())) << bad;
  }
}

class EventsTest : public ApiFixture {
 protected:
  void Open(RawClient& client, const std::string& headers = "") {
    client.Send(Request("GET /v1/events", headers, ""));
  }
  // The id of the first event whose data contains `text`.
  static std::string IdOf(RawClient& client, const std::string& text) {
    const std::string read = client.ReadUntil(text);
    const size_t at = read.rfind("id: ") + 4;
    return read.substr(at, read.find('\n', at) - at);
  }
};

TEST_F(EventsTest, ChangesOfAllSourcesAreOneStream) {
  StartApi();
  RawClient client(address());
  Open(client);
  std::string events = client.ReadUntil("\"host\":\"web1\"");
  if (events.find("event: deployment") == std::string::npos) {
    events += client.ReadUntil("event: deployment");
  }
  EXPECT_THAT(events, AllOf(HasSubstr("Content-Type: text/event-stream"),
                            HasSubstr("event: host\nid: "), HasSubstr("event: deployment")));
}

TEST_F(EventsTest, AnIdResumesEverySource) {
  StartApi();
  const std::string id = EncodeCursor({{"fleet", "-f"}, {"deployments", "-d"}});
  RawClient hosts(address());
  Open(hosts, absl::StrCat("Last-Event-ID: ", id, "\r\n"));
  EXPECT_THAT(hosts.ReadUntil("web0-f"), HasSubstr("event: host"));
  RawClient deployments(address());
  Open(deployments, absl::StrCat("Last-Event-ID: ", id, "\r\n"));
  const auto cursor = DecodeCursor(IdOf(deployments, "\"id\":\"d-d\""));
  ASSERT_TRUE(cursor.ok()) << cursor.status();
  EXPECT_EQ(cursor->at("deployments"), "-next");
}

TEST_F(EventsTest, ABadIdIs400) {
  StartApi();
  EXPECT_THAT(Answer("GET /v1/events", "Last-Event-ID: x\r\n"), HasSubstr("HTTP/1.1 400"));
  EXPECT_THAT(Answer("GET /v1/events?x=1"), HasSubstr("HTTP/1.1 400"));
}

TEST_F(EventsTest, AnErrorOfASourceEndsTheStream) {
  planner_.watch_count = 0;
  StartApi();
  const std::string id = EncodeCursor({{"deployments", "bad"}});
  EXPECT_THAT(Answer("GET /v1/events", absl::StrCat("Last-Event-ID: ", id, "\r\n")),
              AllOf(HasSubstr("HTTP/1.1 400"), HasSubstr("bad resume_token")));
  EXPECT_TRUE(Eventually([&] { return planner_.cancelled() == 1; })) << "the other source ends";
}

TEST_F(EventsTest, ASourceThatIsGoneIsToldAndComesBack) {
  StartApi();
  RawClient client(address());
  Open(client);
  client.ReadUntil("\"host\":\"web1\"");
  const std::string planner = planner_server_->address();
  planner_server_->Shutdown(absl::ZeroDuration());
  planner_server_.reset();
  EXPECT_THAT(client.ReadUntil("PLANNER_UNREACHABLE"), HasSubstr("event: unavailable"));
  StartPlanner(planner);
  EXPECT_THAT(client.ReadUntil("\"host\":\"web0r1\""), HasSubstr("event: host"))
      << "it continues from the last token";
}

TEST_F(EventsTest, AllWatchesEndWhenTheClientIsGone) {
  StartApi();
  {
    RawClient client(address());
    Open(client);
    client.ReadUntil("\"host\":\"web1\"");
  }
  EXPECT_TRUE(Eventually([&] { return planner_.cancelled() == 2; }));
}

TEST_F(EventsTest, ASlowClientGetsEveryEvent) {
  planner_.watch_count = 400;
  planner_.watch_bytes = 20'000;
  options_.stream_buffer = 64 << 10;
  StartApi();
  RawClient client(address(), /*receive_buffer=*/4096);
  Open(client);
  for (int i = 0; i < planner_.watch_count; ++i) {
    ASSERT_THAT(client.ReadUntil(absl::StrCat("\"resumeToken\":\"r", i, "\"")),
                ::testing::Not(HasSubstr("<closed>")));
  }
}

}  // namespace
}  // namespace gitops

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/testing/eventually.h"
#include "gateway/api/api_fixture.h"
#include "gateway/api/api_routes.h"
#include "gateway/api/event_cursor.h"
#include "gateway/api/event_stream.h"

namespace gitops {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

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
  // The id of the last event that has begun when `text` comes.
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

TEST_F(EventsTest, TheStreamBeginsBeforeAnySourceAnswers) {
  planner_.silent = true;
  StartApi();
  RawClient client(address());
  Open(client);
  EXPECT_THAT(client.ReadUntil("\r\n\r\n"),
              AllOf(HasSubstr("HTTP/1.1 200"), HasSubstr("Content-Type: text/event-stream")));
}

TEST_F(EventsTest, ManyClientsCostOneWatch) {
  StartApi();
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 40; ++i) {
    clients.push_back(std::make_unique<RawClient>(address()));
    Open(*clients.back());
  }
  for (const auto& client : clients) client->ReadUntil("\"resumeToken\":\"c0\"");
  EXPECT_TRUE(Eventually([&] { return planner_.open() == 1; })) << planner_.open();
  planner_.Change("changed");
  for (const auto& client : clients) {
    EXPECT_THAT(client->ReadUntil("\"host\":\"changed\""), HasSubstr("event: host"));
  }
  EXPECT_EQ(planner_.open(), 1);
}

TEST_F(EventsTest, TheStreamEndsWithTheReasonWhenItsTokenIsRemoved) {
  StartApi();
  RawClient client(address());
  Open(client);
  client.ReadUntil("\"resumeToken\":\"c0\"");
  heartbeats_.BeatAll();
  planner_.Change("changed");
  EXPECT_THAT(client.ReadUntil("\"host\":\"changed\""), Not(HasSubstr("event: error")));
  tokens_removed_ = true;
  heartbeats_.BeatAll();
  EXPECT_THAT(client.ReadUntil("\"status\":401"), HasSubstr("event: error"));
}

TEST_F(EventsTest, AnIdResumesFromWhatIsKept) {
  StartApi();
  RawClient first(address());
  Open(first);
  first.ReadUntil("\"resumeToken\":\"c0\"");
  planner_.Change("one");
  const std::string id = IdOf(first, "\"host\":\"one\"");
  EXPECT_EQ(DecodeCursor(id)->at("fleet"), "c1");
  planner_.Change("two");
  first.ReadUntil("\"host\":\"two\"");
  const int opened = planner_.opened();
  RawClient second(address());
  Open(second, absl::StrCat("Last-Event-ID: ", id, "\r\n"));
  EXPECT_THAT(
      second.ReadUntil("\"host\":\"two\""),
      AllOf(HasSubstr("event: fleet"), HasSubstr("\"initialDone\":true"),
            ::testing::Not(HasSubstr("web0")), ::testing::Not(HasSubstr("\"restarted\":true"))));
  EXPECT_EQ(planner_.opened(), opened) << "it needs no watch of its own";
}

TEST_F(EventsTest, AnIdResumesAtAnotherGateway) {
  StartApi();
  std::string id;
  {
    RawClient client(address());
    Open(client);
    client.ReadUntil("\"resumeToken\":\"c0\"");
    planner_.Change("one");
    id = IdOf(client, "\"host\":\"one\"");
  }
  StartApi();
  planner_.Change("two");
  RawClient client(address());
  Open(client, absl::StrCat("Last-Event-ID: ", id, "\r\n"));
  EXPECT_THAT(
      client.ReadUntil("\"host\":\"two\""),
      AllOf(::testing::Not(HasSubstr("web0")), ::testing::Not(HasSubstr("\"restarted\":true"))));
}

TEST_F(EventsTest, AnIdThatIsTooOldSaysSoAndGetsEverything) {
  StartApi();
  RawClient first(address());
  Open(first);
  first.ReadUntil("\"resumeToken\":\"c0\"");
  RawClient second(address());
  Open(second, absl::StrCat("Last-Event-ID: ", EncodeCursor({{"fleet", "c99"}}), "\r\n"));
  EXPECT_THAT(second.ReadUntil("\"host\":\"web1\""),
              AllOf(HasSubstr("\"host\":\"web0\""), HasSubstr("\"restarted\":true")));
}

TEST_F(EventsTest, AnIdThatItsServerDoesNotKnowSaysSoAndGetsEverything) {
  StartApi();
  RawClient client(address());
  Open(client, absl::StrCat("Last-Event-ID: ", EncodeCursor({{"deployments", "bad"}}), "\r\n"));
  EXPECT_THAT(client.ReadUntil("\"id\":\"d\""), HasSubstr("event: deployment"));
  EXPECT_THAT(client.ReadUntil("\n"), HasSubstr("\"restarted\":true"));
}

TEST_F(EventsTest, ABadIdIs400) {
  StartApi();
  EXPECT_THAT(Answer("GET /v1/events", "Last-Event-ID: x\r\n"), HasSubstr("HTTP/1.1 400"));
  EXPECT_THAT(Answer("GET /v1/events?x=1"), HasSubstr("HTTP/1.1 400"));
}

TEST_F(EventsTest, AnErrorOfASourceEndsTheStream) {
  planner_.watch_count = 0;
  planner_.deny_deployments = true;
  StartApi();
  EXPECT_THAT(Answer("GET /v1/events"),
              AllOf(HasSubstr("PERMISSION_DENIED"), HasSubstr("not yours")));
  EXPECT_TRUE(Eventually([&] { return planner_.open() == 0; })) << "the other source ends";
}

TEST_F(EventsTest, ASourceThatIsGoneIsToldAndComesBack) {
  StartApi();
  RawClient client(address());
  Open(client);
  client.ReadUntil("\"resumeToken\":\"c0\"");
  const std::string planner = planner_server_->address();
  planner_server_->Shutdown(absl::ZeroDuration());
  planner_server_.reset();
  EXPECT_THAT(client.ReadUntil("PLANNER_UNREACHABLE"), HasSubstr("event: unavailable"));
  planner_.Change("meanwhile");
  StartPlanner(planner);
  EXPECT_THAT(client.ReadUntil("\"host\":\"meanwhile\""), HasSubstr("event: host"))
      << "it continues from the last token";
}

TEST_F(EventsTest, ASourceThatIsNotThereIsTold) {
  planner_server_.reset();
  StartApi();
  RawClient client(address());
  Open(client);
  EXPECT_THAT(client.ReadUntil("PLANNER_UNREACHABLE"), HasSubstr("event: unavailable"));
}

TEST_F(EventsTest, AllWatchesEndWhenTheLastClientIsGone) {
  StartApi();
  {
    RawClient client(address());
    Open(client);
    client.ReadUntil("\"resumeToken\":\"c0\"");
  }
  EXPECT_TRUE(Eventually([&] { return planner_.open() == 0; }));
}

TEST_F(EventsTest, AClientThatReadsItsBeginningSlowlyGetsEveryEvent) {
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

TEST_F(EventsTest, AClientThatFallsBehindIsToldAndGoesOnWithItsLastId) {
  planner_.watch_bytes = 20'000;
  options_.stream_buffer = 64 << 10;
  api_.events.most_events = 10;
  StartApi();
  RawClient slow(address(), /*receive_buffer=*/4096);
  Open(slow);
  slow.ReadUntil("\"resumeToken\":\"c0\"");
  RawClient quick(address());
  Open(quick);
  quick.ReadUntil("\"resumeToken\":\"c0\"");
  for (int i = 0; i < 800; ++i) {
    planner_.Change(absl::StrCat("h", i));
    quick.ReadUntil(absl::StrCat("\"host\":\"h", i, "\""));
  }
  const std::string rest = slow.ReadUntil("RESOURCE_EXHAUSTED");
  EXPECT_THAT(rest, AllOf(HasSubstr("event: error"), HasSubstr("Last-Event-ID")));
  const size_t at = rest.rfind("id: ") + 4;
  RawClient again(address());
  Open(again, absl::StrCat("Last-Event-ID: ", rest.substr(at, rest.find('\n', at) - at), "\r\n"));
  EXPECT_THAT(again.ReadUntil("\"host\":\"web1\""), HasSubstr("\"restarted\":true"));
}

TEST(EventHubTest, AtMostSoManyClientsHaveWatchesOfTheirOwn) {
  EventHub hub({}, {}, /*most_catching_up=*/1);
  int entered = 0;
  EXPECT_TRUE(hub.Enter([&] { ++entered; }));
  EXPECT_FALSE(hub.Enter([&] { ++entered; }));
  EXPECT_EQ(entered, 0);
  hub.Leave();
  EXPECT_EQ(entered, 1) << "the place goes to the one that waits";
  hub.Leave();
  EXPECT_TRUE(hub.Enter([&] { ++entered; }));
}

}  // namespace
}  // namespace gitops

#include "common/api/limits.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/api/api_files.h"
#include "gitops/v1/planner.pb.h"
#include "gitops/v1/report.pb.h"

namespace gitops {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// The way to a field of a request, from the request on.
using Way = std::vector<const FieldDescriptor*>;

// Calls `visit` for every field that a request of the API can hold, with the way to it. Fails the
// test where a message can hold itself: its depth would have no limit.
void ForEachField(const Descriptor& type, Way& way, const std::function<void(const Way&)>& visit) {
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor* field = type.field(i);
    if (std::find(way.begin(), way.end(), field) != way.end()) {
      ADD_FAILURE() << field->full_name() << " can hold itself to any depth";
      continue;
    }
    way.push_back(field);
    visit(way);
    if (field->message_type() != nullptr) ForEachField(*field->message_type(), way, visit);
    way.pop_back();
  }
}

void ForEachRequestField(const std::function<void(const Descriptor&, const Way&)>& visit) {
  for (const auto* service : ApiServices()) {
    for (int i = 0; i < service->method_count(); ++i) {
      const Descriptor& type = *service->method(i)->input_type();
      Way way;
      ForEachField(type, way, [&](const Way& found) { visit(type, found); });
    }
  }
}

bool IsText(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_STRING;
}

// A request whose last field of `way` has `items` values of `bytes` bytes.
std::unique_ptr<Message> RequestWith(const Descriptor& type, const Way& way, size_t items,
                                     size_t bytes) {
  std::unique_ptr<Message> request(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(&type)->New());
  Message* message = request.get();
  for (size_t i = 0; i + 1 < way.size(); ++i) {
    message = way[i]->is_repeated() ? message->GetReflection()->AddMessage(message, way[i])
                                    : message->GetReflection()->MutableMessage(message, way[i]);
  }
  const FieldDescriptor* field = way.back();
  for (size_t i = 0; i < items; ++i) {
    const auto& reflection = *message->GetReflection();
    if (field->message_type() != nullptr) {
      reflection.AddMessage(message, field);
    } else if (field->enum_type() != nullptr) {
      reflection.AddEnumValue(message, field, 0);
    } else if (field->is_repeated()) {
      reflection.AddString(message, field, std::string(bytes, 'a'));
    } else {
      reflection.SetString(message, field, std::string(bytes, 'a'));
    }
  }
  return request;
}

TEST(Limits, EveryFieldOfEveryRequestThatCanGrowHasOne) {
  int seen = 0;
  ForEachRequestField([&](const Descriptor&, const Way& way) {
    const FieldDescriptor& field = *way.back();
    if (!field.is_repeated() && !IsText(field)) return;
    ++seen;
    const FieldLimit* limit = LimitOf(field);
    ASSERT_NE(limit, nullptr) << field.full_name() << " needs a row in limits.cc";
    EXPECT_EQ(limit->items > 0, field.is_repeated()) << field.full_name();
    EXPECT_EQ(limit->bytes > 0, IsText(field)) << field.full_name();
  });
  EXPECT_GT(seen, 50);
}

TEST(Limits, HoldForEveryFieldOfEveryRequest) {
  ForEachRequestField([](const Descriptor& type, const Way& way) {
    const FieldLimit* limit = LimitOf(*way.back());
    if (limit == nullptr) return;
    const size_t most = way.back()->is_repeated() ? limit->items : 1;
    if (limit->bytes > 0) {
      EXPECT_TRUE(CheckLimits(*RequestWith(type, way, 1, limit->bytes)).ok()) << limit->field;
      EXPECT_EQ(CheckLimits(*RequestWith(type, way, 1, limit->bytes + 1)).code(),
                absl::StatusCode::kInvalidArgument)
          << limit->field;
    }
    if (way.back()->is_repeated()) {
      EXPECT_TRUE(CheckLimits(*RequestWith(type, way, most, 1)).ok()) << limit->field;
      EXPECT_EQ(CheckLimits(*RequestWith(type, way, most + 1, 1)).code(),
                absl::StatusCode::kInvalidArgument)
          << limit->field;
    }
  });
}

TEST(Limits, TheErrorNamesTheFieldWhatWasFoundAndTheLimit) {
  v1::ListHostsRequest request;
  request.mutable_selection()->add_on("web1");
  request.mutable_selection()->add_on(std::string(40'001, '{'));
  EXPECT_EQ(CheckLimits(request).message(),
            "selection.on[1] has 40001 bytes; at most 1024 are allowed");
  request.mutable_selection()->clear_on();
  for (int i = 0; i < 2000; ++i) request.mutable_selection()->add_on("{a,b}");
  EXPECT_EQ(CheckLimits(request).message(),
            "selection.on has 2000 values; at most 1000 are allowed");

  v1::ReportRequest report;
  report.mutable_hello()->add_services()->add_directories()->set_local(std::string(70'000, '/'));
  EXPECT_EQ(CheckLimits(report).message(),
            "hello.services[0].directories[0].local has 70000 bytes; at most 65536 are allowed");
}

}  // namespace
}  // namespace gitops

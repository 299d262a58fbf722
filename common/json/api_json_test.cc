#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "common/api/api_files.h"
#include "common/json/json.h"

// What holds for every message of the API.

namespace gitops {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::util::MessageDifferencer;

std::unique_ptr<Message> New(const Descriptor& type) {
  return std::unique_ptr<Message>(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(&type)->New());
}

// A value in every field, two in each that is repeated. Of each oneof it sets the member of number
// `variant` (modulo how many there are).
void Fill(Message& message, int variant);

void FillField(Message& message, const FieldDescriptor& field, int variant) {
  const Reflection& reflection = *message.GetReflection();
  const auto put = [&](auto set, auto add, auto value) {
    (reflection.*(field.is_repeated() ? add : set))(&message, &field, value);
  };
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return put(&Reflection::SetInt32, &Reflection::AddInt32, INT32_MIN);
    case FieldDescriptor::CPPTYPE_INT64:
      return put(&Reflection::SetInt64, &Reflection::AddInt64, INT64_MIN);
    case FieldDescriptor::CPPTYPE_UINT32:
      return put(&Reflection::SetUInt32, &Reflection::AddUInt32, UINT32_MAX);
    case FieldDescriptor::CPPTYPE_UINT64:
      return put(&Reflection::SetUInt64, &Reflection::AddUInt64, UINT64_MAX);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return put(&Reflection::SetDouble, &Reflection::AddDouble, 0.1);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return put(&Reflection::SetFloat, &Reflection::AddFloat, 0.1f);
    case FieldDescriptor::CPPTYPE_BOOL:
      return put(&Reflection::SetBool, &Reflection::AddBool, true);
    case FieldDescriptor::CPPTYPE_ENUM:
      return put(&Reflection::SetEnumValue, &Reflection::AddEnumValue,
                 field.enum_type()->value(field.enum_type()->value_count() - 1)->number());
    case FieldDescriptor::CPPTYPE_STRING:
      return put(&Reflection::SetString, &Reflection::AddString,
                 field.type() == FieldDescriptor::TYPE_BYTES ? std::string("\xff\xfe\0z", 4)
                                                             : std::string("größe \"\n"));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return Fill(field.is_repeated() ? *reflection.AddMessage(&message, &field)
                                      : *reflection.MutableMessage(&message, &field),
                  variant);
  }
}

void Fill(Message& message, int variant) {
  if (auto* time =
          google::protobuf::DynamicCastToGenerated<google::protobuf::Timestamp>(&message)) {
    time->set_seconds(1668762892);
    time->set_nanos(7);
    return;
  }
  if (auto* length =
          google::protobuf::DynamicCastToGenerated<google::protobuf::Duration>(&message)) {
    length->set_seconds(-5);
    length->set_nanos(-500'000'000);
    return;
  }
  const Descriptor& type = *message.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    const auto* oneof = field.real_containing_oneof();
    if (oneof != nullptr && oneof->field(variant % oneof->field_count()) != &field) continue;
    // Details of errors: what they may be is not known here, and no route has them.
    if (field.message_type() != nullptr &&
        field.message_type()->full_name() == "google.protobuf.Any") {
      continue;
    }
    FillField(message, field, variant);
    // Two entries of a map would have the same key.
    if (field.is_repeated() && !field.is_map()) FillField(message, field, variant);
  }
}

int Variants(const Descriptor& type) {
  int variants = 1;
  for (int i = 0; i < type.real_oneof_decl_count(); ++i) {
    variants = std::max(variants, type.oneof_decl(i)->field_count());
  }
  return variants;
}

TEST(ApiJson, WhatIsPrintedIsReadBack) {
  for (const Descriptor* type : ApiMessages()) {
    for (int variant = 0; variant < Variants(*type); ++variant) {
      const auto message = New(*type);
      Fill(*message, variant);
      const auto json = ToJson(*message);
      ASSERT_TRUE(json.ok()) << type->full_name() << ": " << json.status();
      const auto read = New(*type);
      const absl::Status status = FromJson(json->dump(), read.get());
      ASSERT_TRUE(status.ok()) << type->full_name() << ": " << status;
      EXPECT_TRUE(MessageDifferencer::Equals(*message, *read)) << type->full_name();
    }
  }
}

TEST(ApiJson, ProtobufsOwnFormIsReadToo) {
  for (const Descriptor* type : ApiMessages()) {
    const auto message = New(*type);
    Fill(*message, 0);
    google::protobuf::util::JsonPrintOptions plain;
    plain.preserve_proto_field_names = true;
    plain.always_print_enums_as_ints = true;
    for (const auto& options : {plain, google::protobuf::util::JsonPrintOptions()}) {
      std::string text;
      ASSERT_TRUE(google::protobuf::util::MessageToJsonString(*message, &text, options).ok());
      const auto read = New(*type);
      const absl::Status status = FromJson(text, read.get());
      ASSERT_TRUE(status.ok()) << type->full_name() << ": " << status;
      EXPECT_TRUE(MessageDifferencer::Equals(*message, *read)) << type->full_name();
    }
  }
}

TEST(ApiJson, AnEmptyMessageHasEveryFieldAndIsReadBackEmpty) {
  for (const Descriptor* type : ApiMessages()) {
    const auto empty = New(*type);
    const auto json = ToJson(*empty);
    ASSERT_TRUE(json.ok()) << type->full_name() << ": " << json.status();
    for (int i = 0; i < type->field_count(); ++i) {
      const FieldDescriptor& field = *type->field(i);
      ASSERT_EQ(json->contains(field.json_name()), field.real_containing_oneof() == nullptr)
          << field.full_name();
      if (field.has_optional_keyword()) {
        EXPECT_TRUE((*json)[field.json_name()].is_null()) << field.full_name();
      }
    }
    const auto read = New(*type);
    Fill(*read, 0);
    const absl::Status status = FromJson(json->dump(), read.get());
    ASSERT_TRUE(status.ok()) << type->full_name() << ": " << status;
    EXPECT_TRUE(MessageDifferencer::Equals(*empty, *read)) << type->full_name();
  }
}

// Prefixes are cut from names that all have them: else one value could be taken for another.
TEST(ApiJson, EveryEnumValueIsReadBackFromItsShortName) {
  int seen = 0;
  for (const Descriptor* type : ApiMessages()) {
    for (int i = 0; i < type->field_count(); ++i) {
      const FieldDescriptor& field = *type->field(i);
      if (field.enum_type() == nullptr || field.is_repeated()) continue;
      for (int value = 0; value < field.enum_type()->value_count(); ++value) {
        const auto message = New(*type);
        message->GetReflection()->SetEnum(message.get(), &field, field.enum_type()->value(value));
        const auto json = ToJson(*message);
        ASSERT_TRUE(json.ok()) << json.status();
        if (json->contains(field.json_name()) && (*json)[field.json_name()].is_string()) {
          EXPECT_NE((*json)[field.json_name()], field.enum_type()->value(value)->name());
          ++seen;
        }
        const auto read = New(*type);
        ASSERT_TRUE(FromJson(json->dump(), read.get()).ok()) << *json;
        EXPECT_TRUE(MessageDifferencer::Equals(*message, *read)) << *json;
      }
    }
  }
  EXPECT_GT(seen, 0);
}

}  // namespace
}  // namespace gitops

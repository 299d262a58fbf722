#include "common/store/convert.h"

#include <google/protobuf/api.pb.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/type.pb.h>
#include <google/protobuf/unknown_field_set.h>

#include "common/store/convert_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;

// protobuf's own messages are alike enough to be examples: `syntax` is an enum in Type and a text
// in FileDescriptorProto.

TEST(Convert, AnEnumBecomesItsNameAndBack) {
  google::protobuf::Type type;
  type.set_name("example");
  type.set_syntax(google::protobuf::SYNTAX_PROTO3);
  const auto file = Converted<google::protobuf::FileDescriptorProto>(type);
  EXPECT_EQ(file.name(), "example");
  EXPECT_EQ(file.syntax(), "proto3");
  EXPECT_EQ(Converted<google::protobuf::Type>(file).syntax(), google::protobuf::SYNTAX_PROTO3);
}

TEST(Convert, AnUnknownTextBecomesTheEnumsZero) {
  google::protobuf::FileDescriptorProto file;
  file.set_syntax("editions");
  EXPECT_EQ(Converted<google::protobuf::Type>(file).syntax(), google::protobuf::SYNTAX_PROTO2);
}

TEST(Convert, ReplacesWhatWasThere) {
  google::protobuf::Type type;
  type.set_name("before");
  Convert(google::protobuf::FileDescriptorProto(), type);
  EXPECT_EQ(type.name(), "");
}

// A Mixin's fields are serialized like a Type's.

TEST(Convert, FieldsThatOnlyTheOtherMessageKnowsAreLeftOut) {
  google::protobuf::Mixin mixin;
  mixin.set_name("example");
  // To a Type, that would be `syntax`.
  mixin.GetReflection()->MutableUnknownFields(&mixin)->AddVarint(
      google::protobuf::Type::kSyntaxFieldNumber, google::protobuf::SYNTAX_PROTO3);
  const auto type = Converted<google::protobuf::Type>(mixin);
  EXPECT_EQ(type.name(), "example");
  EXPECT_EQ(type.syntax(), google::protobuf::SYNTAX_PROTO2);
}

TEST(Convert, ATextThatIsNotUtf8IsKept) {
  google::protobuf::Mixin mixin;
  mixin.set_name("\xff");
  EXPECT_EQ(Converted<google::protobuf::Type>(mixin).name(), "\xff");
}

TEST(ConversionFaults, NamesEveryFieldThatIsNotCarriedOver) {
  google::protobuf::EnumValue api;
  google::protobuf::EnumValueDescriptorProto stored;
  // EnumValue has `options` as a list, EnumValueDescriptorProto as one message.
  EXPECT_THAT(ConversionFaults(api, stored, {}), HasSubstr("options"));
}

TEST(ConversionFaults, AMessageAndItselfHaveNone) {
  google::protobuf::SourceContext api;
  google::protobuf::SourceContext stored;
  EXPECT_EQ(ConversionFaults(api, stored, {}), "");
}

}  // namespace
}  // namespace gitops

#include "agent/git/object_stream.h"

#include <string>
#include <vector>

#include "agent/git/tree.h"
#include "common/git/object_hash.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string IdOf(const std::string& type, const std::string& content, size_t length = 40) {
  ObjectHash hash(type, static_cast<int64_t>(content.size()), length);
  hash.Update(content);
  return hash.Finish();
}

class Recorder final : public ObjectSink {
 public:
  absl::Status Begin(const ObjectInfo& info) override {
    return Note("<" + info.type + " " + std::to_string(info.size) + ":");
  }
  absl::Status Data(absl::string_view piece) override { return Note(std::string(piece)); }
  absl::Status End() override { return Note(">"); }
  absl::Status Note(const std::string& text) {
    log += text;
    return absl::OkStatus();
  }
  std::string log;
};

TEST(ObjectHash, IsGits) {
  EXPECT_EQ(IdOf("blob", ""), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
  EXPECT_EQ(IdOf("tree", ""), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
  EXPECT_EQ(IdOf("blob", "", 64),
            "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813");
}

TEST(ContentStream, IsTheSameHoweverItIsCut) {
  for (const size_t length : {40, 64}) {
    const std::vector<std::string> ids = {IdOf("blob", "x\ny\n", length), IdOf("tree", "", length)};
    const std::string text = ids[0] + " blob 4\nx\ny\n\n" + ids[1] + " tree 0\n\n";
    for (size_t cut = 0; cut < text.size(); ++cut) {
      Recorder recorder;
      ContentStream stream(ids, &recorder);
      EXPECT_FALSE(stream.Add(text.substr(0, cut)).value());
      EXPECT_TRUE(stream.Add(text.substr(cut)).value());
      EXPECT_EQ(recorder.log, "<blob 4:x\ny\n><tree 0:>");
    }
  }
}

TEST(ContentStream, WhatIsNotTheObjectThatWasAskedForIsDataLoss) {
  const std::string id = IdOf("blob", "good");
  const std::string other = IdOf("blob", "evil");
  const std::vector<std::string> answers = {
      id + " blob 4\nevil\n",               // a forged content
      id + " tree 4\ngood\n",               // the right content as another type
      id + " blob 3\ngoo\n",                // cut
      id + " blob 5\ngood!\n",              // extended
      other + " blob 4\nevil\n",            // another object
      id + " missing\n",                    // gone since it was looked up
      id + " blob -1\n",                    // no size
      id + " blob 99999999999999999999\n",  // no size either
      id + " evil 4\ngood\n",               // no type
      id + " blob 4\ngoodX",                // no end
      "fatal: whatever\n",
      std::string(300, 'x'),
      id + " blob 4\ngood\n" + id + " blob 4\ngood\n",  // more than was asked for
  };
  for (const std::string& answer : answers) {
    Recorder recorder;
    const std::vector<std::string> ids = {id};
    const auto complete = ContentStream(ids, &recorder).Add(answer);
    EXPECT_EQ(complete.status().code(), absl::StatusCode::kDataLoss) << answer;
  }
}

TEST(InfoStream, TellsWhatIsThereAndNothingElseCounts) {
  const std::vector<std::string> ids = {IdOf("blob", "a"), IdOf("blob", "b")};
  const std::string text = ids[0] + " blob 1\n" + ids[1] + " missing\n";
  for (size_t cut = 0; cut < text.size(); ++cut) {
    InfoStream stream(ids);
    EXPECT_FALSE(stream.Add(text.substr(0, cut)).value());
    EXPECT_TRUE(stream.Add(text.substr(cut)).value());
    EXPECT_THAT(stream.Take(), ElementsAre(ObjectInfo{"blob", 1}, ObjectInfo{}));
  }
  for (const std::string& answer : {ids[1] + " blob 1\n", ids[0] + " blob\n", text + "more\n"}) {
    EXPECT_EQ(InfoStream(ids).Add(answer).status().code(), absl::StatusCode::kDataLoss) << answer;
  }
}

std::vector<std::string> EntriesOf(const std::string& tree) {
  std::vector<std::string> entries;
  const absl::Status status =
      ForEachEntry(tree, 40, [&](uint32_t mode, absl::string_view name, std::string id) {
        entries.push_back(std::to_string(mode) + " " + std::string(name) + " " + id);
        return absl::OkStatus();
      });
  if (!status.ok()) entries.push_back(std::string(status.message()));
  return entries;
}

TEST(Tree, IsTakenApartAndWhatIsNoneIsRefused) {
  const std::string id(20, '\x11'), hex(40, '1');
  const std::string nul(1, '\0');
  EXPECT_THAT(EntriesOf("100644 a b" + nul + id + "040000 \xff" + nul + id),
              ElementsAre("33188 a b " + hex, "16384 \xff " + hex));
  EXPECT_THAT(EntriesOf(""), ElementsAre());
  for (const std::string& bad :
       {std::string("x"), "100644 a" + nul + id.substr(1), "100644a" + nul + id, "9 a" + nul + id,
        "100644 " + nul + id, "100644 a/b" + nul + id, " a" + nul + id,
        "100000000000000644 a" + nul + id}) {
    EXPECT_THAT(EntriesOf(bad), ElementsAre(HasSubstr("refused"))) << bad;
  }
}

TEST(TreeOfCommit, IsItsFirstLine) {
  const std::string id(40, 'a');
  EXPECT_EQ(TreeOfCommit("tree " + id + "\nauthor x\n\nmessage", 40).value_or(""), id);
  for (const std::string& bad :
       {std::string(), "tree " + id + "b\n", std::string("tree a\n"), "parent " + id}) {
    EXPECT_FALSE(TreeOfCommit(bad, 40).ok()) << bad;
  }
  EXPECT_FALSE(TreeOfCommit("tree " + id + "\n", 64).ok());
}

}  // namespace
}  // namespace gitops

#include "services/promotion_receiver/yaml_edit/yaml_edit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

const MarkedEnvironment kProd{"shopping", "search", "prod"};
const std::string kCommit(40, 'c');
const std::string kDigest = "sha256:" + std::string(64, 'd');
const std::string kOldDigest = "sha256:" + std::string(64, '0');

// Cases write MARK for the marker of the environment, and MARK:tag and so on with a part.
std::string Marked(const std::string& text) {
  std::string out;
  size_t at = 0;
  for (size_t mark; (mark = text.find("MARK", at)) != std::string::npos;) {
    absl::StrAppend(&out, text.substr(at, mark - at), "# {\"$promotion\": \"shopping:search:prod");
    at = mark + 4;
    const size_t end = at < text.size() && text[at] == ':'
                           ? std::min(text.find_first_of(" \t\r\n", at), text.size())
                           : at;
    absl::StrAppend(&out, text.substr(at, end - at), "\"}");
    at = end;
  }
  return out + text.substr(at);
}

absl::StatusOr<YamlEdit> Edit(const std::string& text, const PromotedVersion& version) {
  return SetMarkedScalars(Marked(text), "app.yaml", kProd, version);
}

struct Case {
  std::string why, before, version, after;
};

void ExpectEdits(const std::vector<Case>& cases) {
  for (const Case& test : cases) {
    const auto edit = Edit(test.before, {.version = test.version});
    ASSERT_TRUE(edit.ok()) << test.why << ": " << edit.status();
    EXPECT_EQ(edit->text, Marked(test.after)) << test.why;
    EXPECT_GT(edit->markers, 0) << test.why;
  }
}

TEST(YamlEditTest, SetsTheScalarAndChangesNoOtherByte) {
  ExpectEdits({
      {"a plain scalar", "tag: 1.2.3 MARK\n", "1.2.4", "tag: 1.2.4 MARK\n"},
      {"no line break at the end", "tag: 1.2.3 MARK", "1.2.4", "tag: 1.2.4 MARK"},
      {"single quotes stay", "tag: '1.2.3'  MARK\n", "1.2.4", "tag: '1.2.4'  MARK\n"},
      {"double quotes stay", "tag: \"1.2.3\"\tMARK\n", "1.2.4", "tag: \"1.2.4\"\tMARK\n"},
      {"an empty quoted scalar", "tag: \"\" MARK\n", "1.2.4", "tag: \"1.2.4\" MARK\n"},
      {"an escaped quote in the old value", "tag: \"a\\\"b\" MARK\n", "1", "tag: \"1\" MARK\n"},
      {"a doubled quote in the old value", "tag: 'a''b' MARK\n", "1", "tag: '1' MARK\n"},
      {"CRLF", "a: 1\r\ntag: 1.2.3 MARK\r\nb: 2\r\n", "1.2.4",
       "a: 1\r\ntag: 1.2.4 MARK\r\nb: 2\r\n"},
      {"a byte-order mark", "\xef\xbb\xbftag: 1.2.3 MARK\n", "1.2.4",
       "\xef\xbb\xbftag: 1.2.4 MARK\n"},
      {"a comment directly after a byte-order mark", "\xef\xbb\xbf# c\ntag: 1.2.3 MARK\n", "1.2.4",
       "\xef\xbb\xbf# c\ntag: 1.2.4 MARK\n"},
      {"characters of several bytes before it", "n\xc3\xa4me: \"\xe2\x82\xac\"\ntag: 1.2.3 MARK\n",
       "1.2.4", "n\xc3\xa4me: \"\xe2\x82\xac\"\ntag: 1.2.4 MARK\n"},
      {"comments, order, blank lines and odd spaces",
       "# head\n\n\nb:   1   # one\na: {x: 1,   y: [ 2,3 ]}\n\n  # indented\ntag:    1.2.3     "
       "MARK\n#end",
       "1.2.4",
       "# head\n\n\nb:   1   # one\na: {x: 1,   y: [ 2,3 ]}\n\n  # indented\ntag:    1.2.4     "
       "MARK\n#end"},
      {"tabs in comments", "a: 1\t#\ta\tb\ntag: 1.2.3\t\tMARK\t\n", "1.2.4",
       "a: 1\t#\ta\tb\ntag: 1.2.4\t\tMARK\t\n"},
      {"an anchor and its alias", "tag: &v 1.2.3 MARK\nother: *v\n", "1.2.4",
       "tag: &v 1.2.4 MARK\nother: *v\n"},
      {"a tag", "tag: !!str 1.2.3 MARK\n", "1.10", "tag: !!str 1.10 MARK\n"},
      {"an anchor and a tag", "tag: &v !!str '1' MARK\n", "2", "tag: &v !!str '2' MARK\n"},
      {"a sequence", "- a\n- 1.2.3 MARK\n- b\n", "1.2.4", "- a\n- 1.2.4 MARK\n- b\n"},
      {"a map in a sequence", "- name: x\n  tag: 1.2.3 MARK\n- tag: 1 \n", "1.2.4",
       "- name: x\n  tag: 1.2.4 MARK\n- tag: 1 \n"},
      {"a map on the line of its sequence", "- tag: 1.2.3 MARK\n", "1.2.4", "- tag: 1.2.4 MARK\n"},
      {"nested sequences", "- - - 1.2.3 MARK\n", "1.2.4", "- - - 1.2.4 MARK\n"},
      {"several documents", "---\na: 1\n---\ntag: 1.2.3 MARK\n...\n---\ntag: 1.2.3\n", "1.2.4",
       "---\na: 1\n---\ntag: 1.2.4 MARK\n...\n---\ntag: 1.2.3\n"},
      {"a document that is the scalar", "--- 1.2.3 MARK\n", "1.2.4", "--- 1.2.4 MARK\n"},
      {"a directive", "%YAML 1.2\n---\ntag: 1.2.3 MARK\n", "1.2.4",
       "%YAML 1.2\n---\ntag: 1.2.4 MARK\n"},
      {"several markers", "a: 1.2.3 MARK\nb: '1.2.3' MARK\nc: 1.2.3\n", "1.2.4",
       "a: 1.2.4 MARK\nb: '1.2.4' MARK\nc: 1.2.3\n"},
      {"a quoted key, with a colon and a hash", "\"a: #b\": 1.2.3 MARK\n", "1.2.4",
       "\"a: #b\": 1.2.4 MARK\n"},
      {"a hash within a plain scalar", "a: x#y\ntag: a#b MARK\n", "1.2.4",
       "a: x#y\ntag: 1.2.4 MARK\n"},
      {"a value that begins with its key", "1.2.3: 1.2.3 MARK\n", "1.2.4", "1.2.3: 1.2.4 MARK\n"},
      {"a value on the line after its key", "tag:\n  1.2.3 MARK\n", "1.2.4",
       "tag:\n  1.2.4 MARK\n"},
      {"an explicit key", "? tag\n: 1.2.3 MARK\n", "1.2.4", "? tag\n: 1.2.4 MARK\n"},
      {"a long version, and a short one", "a: 1.2.3 MARK\nb: x\n",
       "a-very-long-version-that-is-longer", "a: a-very-long-version-that-is-longer MARK\nb: x\n"},
      {"the version is there already", "a: \"1.2.4\" MARK\n", "1.2.4", "a: \"1.2.4\" MARK\n"},
      {"there in another spelling", "a: \"1\\x2e2.4\" MARK\n", "1.2.4", "a: \"1\\x2e2.4\" MARK\n"},
  });
}

TEST(YamlEditTest, BlockScalarsStayAsTheyAre) {
  ExpectEdits({
      {"a literal one with a marker in it, which is text",
       "data: |\n  tag: 1.2.3 MARK\n  # \"x\ntag: 1.2.3 MARK\n", "1.2.4",
       "data: |\n  tag: 1.2.3 MARK\n  # \"x\ntag: 1.2.4 MARK\n"},
      {"folded, with an indicator and a comment on its header",
       "a:\n  data: >2- # it's\n     x # 'y\n\n    z\n  tag: 1.2.3 MARK\n", "1.2.4",
       "a:\n  data: >2- # it's\n     x # 'y\n\n    z\n  tag: 1.2.4 MARK\n"},
      {"kept line breaks at its end", "data: |+\n  x\n\n\ntag: 1.2.3 MARK\n", "1.2.4",
       "data: |+\n  x\n\n\ntag: 1.2.4 MARK\n"},
      {"an empty one", "data: |\ntag: 1.2.3 MARK\n", "1.2.4", "data: |\ntag: 1.2.4 MARK\n"},
      {"in a sequence", "- |\n  x: 'y\n- 1.2.3 MARK\n", "1.2.4", "- |\n  x: 'y\n- 1.2.4 MARK\n"},
      {"at the end of a document", "a: 1.2.3 MARK\n---\n|\n 'x\n---\n- '1.2.3' MARK\n", "1.2.4",
       "a: 1.2.4 MARK\n---\n|\n 'x\n---\n- '1.2.4' MARK\n"},
      {"with a comment after it", "data: |\n    x\n# it's\n  # other\ntag: 1.2.3 MARK\n", "1.2.4",
       "data: |\n    x\n# it's\n  # other\ntag: 1.2.4 MARK\n"},
      {"in a map with an anchor", "a: &m\n  data: |\n   it's # {\n  tag: 1.2.3 MARK\n", "1.2.4",
       "a: &m\n  data: |\n   it's # {\n  tag: 1.2.4 MARK\n"},
      {"with CRLF", "data: |\r\n  it's\r\n\r\n  # {\r\ntag: 1.2.3 MARK\r\n", "1.2.4",
       "data: |\r\n  it's\r\n\r\n  # {\r\ntag: 1.2.4 MARK\r\n"},
      {"quoted scalars of several lines",
       "a: \"x\n  # no 'comment\"\nb: 'y\n  it''s'\ntag: 1 MARK\n", "2",
       "a: \"x\n  # no 'comment\"\nb: 'y\n  it''s'\ntag: 2 MARK\n"},
      {"plain scalars of several lines", "a: x\n  it's more\nb: y\n  z\ntag: 1.2.3 MARK\n", "1.2.4",
       "a: x\n  it's more\nb: y\n  z\ntag: 1.2.4 MARK\n"},
  });
}

TEST(YamlEditTest, FlowCollectionsWithOneValueOnTheLineAreEdited) {
  ExpectEdits({
      {"one element", "a: [1.2.3] MARK\n", "1.2.4", "a: [1.2.4] MARK\n"},
      {"one pair", "a: {tag: 1.2.3} MARK\n", "1.2.4", "a: {tag: 1.2.4} MARK\n"},
      {"nested, with spaces", "a: { b: [ '1.2.3' ] } MARK\n", "1.2.4",
       "a: { b: [ '1.2.4' ] } MARK\n"},
      {"a line of several", "a: [\n  x,\n  1.2.3, MARK\n  y ]\n", "1.2.4",
       "a: [\n  x,\n  1.2.4, MARK\n  y ]\n"},
      {"the last line of several", "a: {x: 1,\n  tag: \"1.2.3\"} MARK\n", "1.2.4",
       "a: {x: 1,\n  tag: \"1.2.4\"} MARK\n"},
      {"JSON", "{\n  \"name\": \"x\",\n  \"tag\": \"1.2.3\" MARK\n}\n", "1.2.4",
       "{\n  \"name\": \"x\",\n  \"tag\": \"1.2.4\" MARK\n}\n"},
      {"a commit", "a: [x] MARK:commit\n", "main@sha1:" + kCommit,
       "a: [" + kCommit + "] MARK:commit\n"},
      {"quotes where a plain one is invalid", "a: [1.2.3] MARK\n", "main@sha1:abc",
       "a: [\"main@sha1:abc\"] MARK\n"},
  });
}

TEST(YamlEditTest, OtherMarkersAndOtherCommentsAreLeftAlone) {
  for (const std::string text : {
           "tag: 1 # {\"$promotion\": \"shopping:search:dev\"}\n",
           "tag: 1 # {\"$promotion\": \"shopping:searching:prod\"}\n",
           "tag: 1 # {\"$promotion\": \"shop:search:prod\"}\n",
           "tag: 1 # {\"$promotion\": \"other\"}\n",
           "tag: 1 # {\"$imagepolicy\": \"$promotion:shopping:search:prod\"}\n",
           "# set by {\"$promotion\": \"shopping:search:prod\"}\ntag: 1\n",
           "tag: 'x # {\"$promotion\": \"shopping:search:prod\"}'\n",
           "tag: x#{\"$promotion\":\"shopping:search:prod\"}\n",
       }) {
    const auto edit = SetMarkedScalars(text, "f", kProd, {.version = "2"});
    ASSERT_TRUE(edit.ok()) << text << edit.status();
    EXPECT_EQ(edit->text, text);
    EXPECT_EQ(edit->markers, 0) << text;
  }
  const std::string with_more =
      "tag: 1.0.0 #{\"$imagepolicy\":\"a:b\",  \"$promotion\"  : \"shopping:search:prod\" }  ";
  EXPECT_EQ(SetMarkedScalars(with_more, "f", kProd, {.version = "1.0.1"})->text,
            absl::StrReplaceAll(with_more, {{"1.0.0", "1.0.1"}}));
}

TEST(YamlEditTest, AFileWithoutMarkersNeedNotBeYaml) {
  const std::string text = "{{- if .Values.x }}\n\xff: [\n";
  EXPECT_EQ(SetMarkedScalars(text, "f", kProd, {.version = "2"})->text, text);
}

TEST(YamlEditTest, QuotesAreAddedOnlyWhereAPlainScalarWouldBeAnotherValue) {
  const std::string before = "tag: 1.2.3 MARK\n";
  for (const std::string plain : {"1.2.4", "v2", "0.13.4", "1.2.3-rc.1", "1.2.3+0cc9a8446c95",
                                  "main/0cc9a84", "main@sha1:0cc9a84", "1a2b3c4", "1e", "e1", "_x",
                                  "release_2", "1.2.3~rc1", "0x", "1-2-3", "latest"}) {
    EXPECT_EQ(Edit(before, {.version = plain})->text, Marked("tag: " + plain + " MARK\n"));
  }
  for (const std::string quoted : {"1.10",
                                   "1",
                                   "007",
                                   "1e3",
                                   "12e4567",
                                   "0x1f",
                                   "0o17",
                                   "0b11",
                                   "1_000",
                                   "190:20:30",
                                   "1:20",
                                   "2022-09-13",
                                   "2022-09-13T16:01:01Z",
                                   "true",
                                   "No",
                                   "ON",
                                   "y",
                                   "null",
                                   "Null",
                                   "-1",
                                   "+1",
                                   ".5",
                                   ".inf",
                                   "~",
                                   "@x",
                                   "*x",
                                   "&x",
                                   "!x",
                                   "%x",
                                   "a b",
                                   "a: b",
                                   "a:",
                                   "a #b",
                                   "[a]",
                                   "{a}",
                                   "a,b",
                                   "x\xc3\xa4",
                                   "`x",
                                   "|",
                                   ">",
                                   "-",
                                   "?",
                                   "---",
                                   "...",
                                   "'x",
                                   "\"x\\",
                                   "="}) {
    const std::string written = absl::StrReplaceAll(quoted, {{"\\", "\\\\"}, {"\"", "\\\""}});
    const auto edit = Edit(before, {.version = quoted});
    ASSERT_TRUE(edit.ok()) << quoted << ": " << edit.status();
    EXPECT_EQ(edit->text, Marked("tag: \"" + written + "\" MARK\n"));
  }
}

TEST(YamlEditTest, ANumberThatReplacesANumberStaysOneIfItLosesNoDigit) {
  ExpectEdits({
      {"whole numbers", "n: 5 MARK\n", "6", "n: 6 MARK\n"},
      {"fractions", "n: 1.2 MARK\n", "1.3", "n: 1.3 MARK\n"},
      {"1.10 would be 1.1", "n: 1.9 MARK\n", "1.10", "n: \"1.10\" MARK\n"},
      {"another kind", "n: 5 MARK\n", "5.5", "n: \"5.5\" MARK\n"},
      {"leading zeros", "n: 5 MARK\n", "06", "n: \"06\" MARK\n"},
      {"too long for a double", "n: 5 MARK\n", "12345678901234567",
       "n: \"12345678901234567\" MARK\n"},
      {"a boolean", "n: true MARK\n", "false", "n: \"false\" MARK\n"},
  });
}

TEST(YamlEditTest, OfAnImageOnlyTheTagOrTheDigestChanges) {
  ExpectEdits({
      {"a tag", "image: repo/image:1.2.3 MARK\n", "1.2.4", "image: repo/image:1.2.4 MARK\n"},
      {"a tag asked for", "image: repo/image:1.2.3 MARK:tag\n", "1.2.4@" + kDigest,
       "image: repo/image:1.2.4 MARK:tag\n"},
      {"a registry with a port", "image: \"h:5000/a/b:1\" MARK\n", "2",
       "image: \"h:5000/a/b:2\" MARK\n"},
      {"without a registry", "image: nginx:1.25 MARK\n", "1.27", "image: nginx:1.27 MARK\n"},
      {"in a flow collection", "{image: 'a/b:1'} MARK\n", "2", "{image: 'a/b:2'} MARK\n"},
      {"a tag that looks like a number", "image: a/b:1 MARK\n", "12", "image: a/b:12 MARK\n"},
      {"tag and digest", "image: a/b:1@" + kOldDigest + " MARK\n", "2@" + kDigest,
       "image: a/b:2@" + kDigest + " MARK\n"},
      {"the digest", "image: a/b@" + kOldDigest + " MARK:digest\n", "2@" + kDigest,
       "image: a/b@" + kDigest + " MARK:digest\n"},
      {"the digest of an image without a slash", "image: b@" + kOldDigest + " MARK:digest\n",
       "2@" + kDigest, "image: b@" + kDigest + " MARK:digest\n"},
      {"an OCI URL", "url: oci://h/chart:1.0.0 MARK\n", "1.0.1", "url: oci://h/chart:1.0.1 MARK\n"},
      {"a tag from a commit", "image: a/b:old MARK:commit\n", "main@sha1:" + kCommit,
       "image: a/b:" + kCommit + " MARK:commit\n"},
  });
}

TEST(YamlEditTest, RevisionsAreWrittenLiterallyOrByTheirPart) {
  ExpectEdits({
      {"of a branch", "r: main@sha1:aaa MARK\n", "main@sha1:" + kCommit,
       "r: main@sha1:" + kCommit + " MARK\n"},
      {"the old form", "r: main/" + std::string(40, 'a') + " MARK\n", "main/" + kCommit,
       "r: main/" + kCommit + " MARK\n"},
      {"the commit", "r: \"0\" MARK:commit\n", "main@sha1:" + kCommit,
       "r: \"" + kCommit + "\" MARK:commit\n"},
      {"the commit of the old form", "r: x MARK:commit\n", "main/" + kCommit,
       "r: " + kCommit + " MARK:commit\n"},
      {"of an OCI artifact", "r: 6.3.4@" + kOldDigest + " MARK\n", "6.3.5@" + kDigest,
       "r: 6.3.5@" + kDigest + " MARK\n"},
      {"its tag", "r: 6.3.4 MARK:tag\n", "6.3.5@" + kDigest, "r: 6.3.5 MARK:tag\n"},
      {"its digest", "r: " + kOldDigest + " MARK:digest\n", "6.3.5@" + kDigest,
       "r: " + kDigest + " MARK:digest\n"},
      {"the tag of a version is the version", "r: 1.2.3 MARK:tag\n", "1.2.4",
       "r: 1.2.4 MARK:tag\n"},
  });
  const auto edit =
      Edit("d: x MARK:digest\nv: 1.2.3 MARK\n",
           {.version = "1.2.4", .revision = "1.2.4+abcdef012345", .oci_digest = kDigest});
  ASSERT_TRUE(edit.ok()) << edit.status();
  EXPECT_EQ(edit->text, Marked("d: " + kDigest + " MARK:digest\nv: 1.2.4 MARK\n"));
}

TEST(YamlEditTest, WhatCannotBeEditedSafelyIsRefusedWithFileAndLine) {
  struct Refusal {
    std::string text, version, message;
  };
  for (const Refusal& test : std::vector<Refusal>{
           {"a: 1\nMARK\ntag: 1\n", "2", "app.yaml:2: no value begins"},
           {"a: 1\ntag: MARK\n  1.0\n", "2", "app.yaml:2: no value begins"},
           {"tag: MARK\nb: 1\n", "2", "app.yaml:1: no value begins"},
           {"tag: ~ MARK\n", "2", "app.yaml:1: no value begins"},
           {"tag: !!str MARK\n", "2", "app.yaml:1: the marked value is empty"},
           {"a:\n- &x 1\n- *x MARK\n", "2", "app.yaml:3: the marked value is an alias"},
           {"tag: | MARK\n  x\n", "2", "app.yaml:1: the marked value is a block scalar"},
           {"tag: x\n  y MARK\n", "2", "app.yaml:2: no value begins"},
           {"tag: 'x\n  y' MARK\n", "2", "app.yaml:2: no value begins"},
           {"a: [1, 2] MARK\n", "2", "app.yaml:1: several values"},
           {"a: {x: 1, tag: 2} MARK\n", "2", "app.yaml:1: several values"},
           {"a: {x: 1, y: } MARK\n", "2", "app.yaml:1: the marker is not directly behind"},
           {"? 1.0 MARK\n: x\n", "2", "app.yaml:1: no value begins"},
           {"a: [ MARK\n 1 ]\n", "2", "app.yaml:1: no value begins"},
           {"tag: 1 MARK:tags\n", "2", "did you mean \"tag\"?"},
           {"tag: 1 MARK:tag:x\n", "2", "app.yaml:1: the marker has 5 parts"},
           {"tag: 1 # {\"$promotion\": \"shopping:search\"}\n", "2", "has 2 parts"},
           {"tag: 1 # {\"$promotion\": shopping:search:prod}\n", "2",
            "app.yaml:1: the marker is not"},
           {"tag: 1 # {\"$promotion\": 1}\n", "2", "app.yaml:1: the marker is not a string"},
           {"a: 'b\ntag: 1 MARK\n", "2", "app.yaml:"},
           {"a: [\ntag: 1 MARK\n", "2", "app.yaml:"},
           {"{{- if x }}\ntag: 1 MARK\n", "2", "app.yaml:"},
           {"\ta: 1\ntag: 1 MARK\n", "2", "app.yaml:1"},
           {"a: 1\rtag: 1 MARK\n", "2", "app.yaml:1: a carriage return"},
           {"a: \xff\ntag: 1 MARK\n", "2", "app.yaml:1: the file is not UTF-8"},
           {"i: a/b:1@" + kOldDigest + " MARK\n", "2", "has a digest"},
           {"i: a/b@" + kOldDigest + " MARK\n", "2", "end the marker with :digest"},
           {"i: b@" + kOldDigest + " MARK\n", "2", "end the marker with :digest"},
           {"i: " + kOldDigest + " MARK\n", "2", "is a digest"},
           {"i: a/b:1 MARK:digest\n", "2@" + kDigest, "has a tag"},
           {"i: a/b MARK\n", "2", "an image without a tag"},
           {"i: a/b:1 MARK\n", "main@sha1:" + kCommit, "is not a tag"},
           {"i: a/b:1 MARK\n", "1.2.3+build", "is not a tag"},
           {"u: https://h/x?ref=1 MARK\n", "2", "is a URL"},
           {"d: x MARK:digest\n", "1.2.3", "has no digest"},
           {"c: x MARK:commit\n", "1.2.3", "has no commit"},
           {"a: \"" + std::string(kMostYamlBytes, 'x') + "\"\ntag: 1 MARK\n", "2", "at most"},
       }) {
    const auto edit = Edit(test.text, {.version = test.version});
    const std::string shown = test.text.substr(0, 200);
    EXPECT_EQ(edit.status().code(), absl::StatusCode::kFailedPrecondition) << shown;
    EXPECT_THAT(std::string(edit.status().message()), StartsWith("app.yaml:")) << shown;
    EXPECT_THAT(std::string(edit.status().message()), HasSubstr(test.message)) << shown;
  }
}

TEST(YamlEditTest, AMarkerInUtf16IsRefusedAndNotOverlooked) {
  std::string wide = "\xff\xfe";
  for (const char c : Marked("tag: 1 MARK\n")) wide += {c, '\0'};
  EXPECT_THAT(std::string(SetMarkedScalars(wide, "f", kProd, {.version = "2"}).status().message()),
              HasSubstr("f:1: the file is not UTF-8"));
}

TEST(YamlEditTest, AVersionThatFitsNoLineIsRefused) {
  for (const std::string& version :
       {std::string(), std::string("1\n2"), std::string("a\tb"), std::string(1025, 'x'),
        std::string("\xff"), std::string("a\0b", 3)}) {
    EXPECT_EQ(Edit("tag: 1 MARK\n", {.version = version}).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST(YamlEditTest, DeepNestingIsRefusedAndDoesNotEndTheProgram) {
  const std::string text = "tag: 1 MARK\na: " + std::string(100'000, '[');
  EXPECT_EQ(Edit(text, {.version = "2"}).status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace gitops

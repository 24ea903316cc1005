package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"drover/report"
	"drover/sim"
	"drover/sim/fleet"
	"drover/sim/scenario"
)

// choice is a flag that takes one of a few words; the first is the default.
type choice struct {
	value string
	words []string
}

func (c *choice) String() string { return c.value }
func (c *choice) Type() string   { return strings.Join(c.words, "|") }

func (c *choice) Set(s string) error {
	if !slices.Contains(c.words, s) {
		return fmt.Errorf("want %s", orList(c.words))
	}
	c.value = s
	return nil
}

// addChoice adds a choice to the flags of cmd, with completion.
func addChoice(cmd *cobra.Command, name, short, text string, words ...string) *choice {
	c := &choice{words[0], words}
	cmd.Flags().VarP(c, name, short, text)
	// The error is about a flag that does not exist.
	_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	return c
}

// orList joins words as in "a, b or c".
func orList(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// shardFlag is --shard i/n.
type shardFlag struct{ fleet.Shard }

func (s *shardFlag) String() string {
	if s.Of == 0 {
		return "1/1"
	}
	return fmt.Sprintf("%d/%d", s.Index, s.Of)
}
func (s *shardFlag) Type() string { return "i/n" }

func (s *shardFlag) Set(text string) (err error) {
	s.Shard, err = fleet.ParseShard(text)
	return err
}

// partitions are those of the fleet that the shard holds.
func (s *shardFlag) partitions(f *fleet.Fleet) ([]int, error) {
	if s.Of == 0 {
		s.Shard = fleet.Shard{Index: 1, Of: 1}
	}
	parts, err := f.ShardPartitions(s.Shard)
	if err != nil {
		return nil, fail(exitUsage, fmt.Errorf("--shard %s: %w", s, err))
	}
	return parts, nil
}

// settings is --set name=value, which may come many times.
type settings struct {
	values map[string]string
	given  []string // as written
}

func (s *settings) String() string { return "" }
func (s *settings) Type() string   { return "name=value" }

func (s *settings) Set(text string) error {
	name, value, ok := strings.Cut(text, "=")
	if !ok || name == "" {
		return fmt.Errorf("want name=value")
	}
	if _, twice := s.values[name]; twice {
		return fmt.Errorf("%s is set twice", name)
	}
	if s.values == nil {
		s.values = map[string]string{}
	}
	s.values[name] = value
	s.given = append(s.given, text)
	return nil
}

// source is the scenario that a command is about: an argument and the flags that change what the file says.
type source struct {
	set     settings
	variant string
}

// addSource makes cmd take one scenario.
func addSource(cmd *cobra.Command) *source {
	s := new(source)
	s.addFlags(cmd)
	cmd.Args = oneScenario
	cmd.ValidArgsFunction = completeScenario
	return s
}

// addFlags adds the flags that change what the file says.
func (s *source) addFlags(cmd *cobra.Command) {
	cmd.Flags().Var(&s.set, "set", "give a param of the scenario its `name=value`; may be repeated")
	cmd.Flags().StringVar(&s.variant, "variant", "", "apply this `variant` of the scenario")
}

// model is the scenario that was named, with its fleet, ready to be looked at. Its mistakes exit with 2.
func (s *source) model(name string) (*sim.Model, error) {
	sc, err := scenario.Load(name, scenario.Options{Set: s.set.values, Variant: s.variant})
	if err != nil {
		return nil, fail(exitUsage, err)
	}
	m, err := sim.NewModel(sc)
	if err != nil {
		return nil, fail(exitUsage, fmt.Errorf("%s: %w", name, err))
	}
	return m, nil
}

// again is what to add to a command line to get the same scenario.
func (s *source) again() string {
	var b strings.Builder
	if s.variant != "" {
		b.WriteString(" --variant " + report.ShellWord(s.variant))
	}
	for _, kv := range s.set.given {
		b.WriteString(" --set " + report.ShellWord(kv))
	}
	return b.String()
}

func oneScenario(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usage(cmd, "want one scenario, the name of a shipped one or a file; got %d", len(args))
	}
	return nil
}

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage(cmd, "want no argument, got %q", args[0])
	}
	return nil
}

// completeScenario offers the shipped scenarios, and leaves files to the shell.
func completeScenario(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return scenario.Shipped(), cobra.ShellCompDirectiveDefault
}

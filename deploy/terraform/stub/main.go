// The stub is a provider for Terraform and OpenTofu that knows the AWS provider's schema and does nothing else.
//
// With it `validate` and `test` with mocked providers check a configuration on a machine that reaches neither AWS nor a
// registry of providers: which arguments there are, which are required, their types, how blocks nest, and that every
// reference leads to something. What only the real provider's code knows (the values that AWS takes) is not checked.
//
// SCHEMA names the file that aws_schema.py wrote.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

type document struct {
	Version  string
	Provider block
	Resource map[string]block
	Data     map[string]block
}

type block struct {
	Attributes map[string]attribute
	Blocks     map[string]nestedBlock
}

type nestedBlock struct {
	Mode  string
	Min   int64
	Max   int64
	Block block
}

type attribute struct {
	Type     json.RawMessage
	Nested   map[string]attribute
	Mode     string
	Required bool
	Optional bool
	Computed bool
}

func main() {
	text, err := os.ReadFile(os.Getenv("SCHEMA"))
	if err != nil {
		log.Fatalf("SCHEMA names no file that can be read: %v", err)
	}
	var known document
	if err := json.Unmarshal(text, &known); err != nil {
		log.Fatalf("SCHEMA: %v", err)
	}
	server := func() tfprotov6.ProviderServer { return &stub{schema: schemas(known)} }
	if err := tf6server.Serve("aws", server); err != nil {
		log.Fatal(err)
	}
}

func schemas(known document) *tfprotov6.GetProviderSchemaResponse {
	given := &tfprotov6.GetProviderSchemaResponse{
		ServerCapabilities: &tfprotov6.ServerCapabilities{GetProviderSchemaOptional: true},
		Provider:           &tfprotov6.Schema{Block: known.Provider.schema()},
		ResourceSchemas:    map[string]*tfprotov6.Schema{},
		DataSourceSchemas:  map[string]*tfprotov6.Schema{},
	}
	for name, one := range known.Resource {
		given.ResourceSchemas[name] = &tfprotov6.Schema{Block: one.schema()}
	}
	for name, one := range known.Data {
		given.DataSourceSchemas[name] = &tfprotov6.Schema{Block: one.schema()}
	}
	return given
}

func (one block) schema() *tfprotov6.SchemaBlock {
	given := &tfprotov6.SchemaBlock{}
	for name, inner := range one.Attributes {
		given.Attributes = append(given.Attributes, inner.schema(name))
	}
	for name, inner := range one.Blocks {
		given.BlockTypes = append(given.BlockTypes, &tfprotov6.SchemaNestedBlock{
			TypeName: name,
			Block:    inner.Block.schema(),
			Nesting:  blockModes[inner.Mode],
			MinItems: inner.least(),
			MaxItems: inner.most(),
		})
	}
	return given
}

var blockModes = map[string]tfprotov6.SchemaNestedBlockNestingMode{
	"list":   tfprotov6.SchemaNestedBlockNestingModeList,
	"set":    tfprotov6.SchemaNestedBlockNestingModeSet,
	"single": tfprotov6.SchemaNestedBlockNestingModeSingle,
	"map":    tfprotov6.SchemaNestedBlockNestingModeMap,
}

var attributeModes = map[string]tfprotov6.SchemaObjectNestingMode{
	"list":   tfprotov6.SchemaObjectNestingModeList,
	"set":    tfprotov6.SchemaObjectNestingModeSet,
	"single": tfprotov6.SchemaObjectNestingModeSingle,
	"map":    tfprotov6.SchemaObjectNestingModeMap,
}

func (one nestedBlock) counted() bool { return one.Mode == "list" || one.Mode == "set" }

func (one nestedBlock) least() int64 {
	if one.counted() {
		return one.Min
	}
	return 0
}

func (one nestedBlock) most() int64 {
	if one.counted() {
		return one.Max
	}
	return 0
}

func (one attribute) schema(name string) *tfprotov6.SchemaAttribute {
	given := &tfprotov6.SchemaAttribute{
		Name:     name,
		Required: one.Required,
		Optional: one.Optional && !one.Required,
		Computed: one.Computed && !one.Required,
		// The classes do not say so, but the provider's names do.
		WriteOnly: strings.HasSuffix(name, "_wo"),
	}
	if !given.Required && !given.Optional && !given.Computed {
		given.Computed = true
	}
	if one.Nested == nil {
		given.Type = plain(one.Type)
		return given
	}
	nested := &tfprotov6.SchemaObject{Nesting: attributeModes[one.Mode]}
	for inner, value := range one.Nested {
		nested.Attributes = append(nested.Attributes, value.schema(inner))
	}
	given.NestedType = nested
	return given
}

func plain(text json.RawMessage) tftypes.Type {
	var name string
	if json.Unmarshal(text, &name) == nil {
		switch name {
		case "string":
			return tftypes.String
		case "number":
			return tftypes.Number
		case "bool":
			return tftypes.Bool
		case "dynamic":
			return tftypes.DynamicPseudoType
		}
		log.Fatalf("SCHEMA: no type %q", name)
	}
	var parts []json.RawMessage
	if err := json.Unmarshal(text, &parts); err != nil || len(parts) != 2 {
		log.Fatalf("SCHEMA: no type %s", text)
	}
	element := plain(parts[1])
	switch string(parts[0]) {
	case `"list"`:
		return tftypes.List{ElementType: element}
	case `"set"`:
		return tftypes.Set{ElementType: element}
	case `"map"`:
		return tftypes.Map{ElementType: element}
	}
	log.Fatalf("SCHEMA: no type %s", text)
	return nil
}

var errNothing = fmt.Errorf("this is a stub: it knows the schema and does nothing")

type stub struct {
	tfprotov6.ProviderServer // all that is not below is never called by validate, nor by test with mocked providers
	schema                   *tfprotov6.GetProviderSchemaResponse
}

func (s *stub) GetProviderSchema(context.Context, *tfprotov6.GetProviderSchemaRequest) (*tfprotov6.GetProviderSchemaResponse, error) {
	return s.schema, nil
}

func (s *stub) GetMetadata(context.Context, *tfprotov6.GetMetadataRequest) (*tfprotov6.GetMetadataResponse, error) {
	given := &tfprotov6.GetMetadataResponse{ServerCapabilities: s.schema.ServerCapabilities}
	for name := range s.schema.ResourceSchemas {
		given.Resources = append(given.Resources, tfprotov6.ResourceMetadata{TypeName: name})
	}
	for name := range s.schema.DataSourceSchemas {
		given.DataSources = append(given.DataSources, tfprotov6.DataSourceMetadata{TypeName: name})
	}
	return given, nil
}

func (s *stub) GetResourceIdentitySchemas(context.Context, *tfprotov6.GetResourceIdentitySchemasRequest) (*tfprotov6.GetResourceIdentitySchemasResponse, error) {
	return &tfprotov6.GetResourceIdentitySchemasResponse{}, nil
}

func (s *stub) ValidateProviderConfig(_ context.Context, request *tfprotov6.ValidateProviderConfigRequest) (*tfprotov6.ValidateProviderConfigResponse, error) {
	return &tfprotov6.ValidateProviderConfigResponse{PreparedConfig: request.Config}, nil
}

func (s *stub) ValidateResourceConfig(context.Context, *tfprotov6.ValidateResourceConfigRequest) (*tfprotov6.ValidateResourceConfigResponse, error) {
	return &tfprotov6.ValidateResourceConfigResponse{}, nil
}

func (s *stub) ValidateDataResourceConfig(context.Context, *tfprotov6.ValidateDataResourceConfigRequest) (*tfprotov6.ValidateDataResourceConfigResponse, error) {
	return &tfprotov6.ValidateDataResourceConfigResponse{}, nil
}

func (s *stub) ConfigureProvider(context.Context, *tfprotov6.ConfigureProviderRequest) (*tfprotov6.ConfigureProviderResponse, error) {
	return nil, errNothing
}

func (s *stub) UpgradeResourceState(_ context.Context, request *tfprotov6.UpgradeResourceStateRequest) (*tfprotov6.UpgradeResourceStateResponse, error) {
	kind := s.schema.ResourceSchemas[request.TypeName].ValueType()
	value, err := request.RawState.Unmarshal(kind)
	if err != nil {
		return nil, err
	}
	state, err := tfprotov6.NewDynamicValue(kind, value)
	return &tfprotov6.UpgradeResourceStateResponse{UpgradedState: &state}, err
}

func (s *stub) StopProvider(context.Context, *tfprotov6.StopProviderRequest) (*tfprotov6.StopProviderResponse, error) {
	return &tfprotov6.StopProviderResponse{}, nil
}

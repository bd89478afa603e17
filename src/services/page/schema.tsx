import { TranslationBundle } from '@jupyterlab/translation';
import { FormComponent, IFormComponentProps } from '@jupyterlab/ui-components';
import * as React from 'react';

import { IFormContext, TEMPLATES } from './fields';

type Validator = IFormComponentProps['validator'];
type Mistake = Parameters<
  NonNullable<IFormComponentProps['transformErrors']>
>[0][number];

/** A form for the input that a service says it takes. */
export default function SchemaForm(props: {
  schema: Record<string, unknown>;
  data: unknown;
  /** How often it was tried to send it: all that is wrong is then said, also of fields that were not touched. */
  tried: number;
  trans: TranslationBundle;
  change: (data: unknown) => void;
  /** Told whether the data is what the schema wants, whenever one of them changes. */
  judge: (good: boolean) => void;
  /** Told when the schema is none that a form can be made of. */
  refuse: (why: string) => void;
}): React.JSX.Element {
  const { data, tried, trans, change, judge, refuse } = props;
  const [validator, setValidator] = React.useState<Validator | undefined>();
  const [touched, setTouched] = React.useState<ReadonlySet<string>>(new Set());
  const root = `jp-oscar-form-${React.useId()}`;
  const host = React.useRef<HTMLDivElement>(null);
  const schema = React.useMemo(() => known(props.schema), [props.schema]);
  React.useEffect(() => {
    let wanted = true;
    void import('@rjsf/validator-ajv8').then(({ default: found }) => {
      if (wanted) {
        const { validationError } = found.rawValidation(schema, undefined);
        if (validationError) {
          refuse(validationError.message);
        } else {
          setValidator(found as Validator);
        }
      }
    });
    return () => {
      wanted = false;
    };
  }, [schema]);
  React.useEffect(() => {
    if (validator) {
      judge(validator.isValid(schema, data as never, schema));
    }
  }, [validator, schema, data]);
  React.useEffect(() => {
    if (tried) {
      host.current
        ?.querySelector<HTMLElement>(
          '.jp-mod-wrong :is(input, select, textarea)'
        )
        ?.focus();
    }
  }, [tried]);
  const transformErrors = React.useCallback(
    (mistakes: Mistake[]) =>
      mistakes.map(one => ({ ...one, message: said(one, trans) })),
    [trans]
  );
  const touch = (id: string | undefined) => {
    if (id !== undefined && !touched.has(id)) {
      setTouched(new Set([...touched, id]));
    }
  };
  const context: IFormContext = { trans, touched, all: tried > 0, root };
  return (
    <Boundary refuse={refuse}>
      <div className="jp-OscarCall-form" ref={host}>
        {validator && (
          <FormComponent
            idPrefix={root}
            schema={schema}
            formData={data as never}
            formContext={context}
            validator={validator}
            liveValidate
            showErrorList={false}
            transformErrors={transformErrors}
            templates={TEMPLATES}
            tagName="div"
            onBlur={touch}
            onChange={(event, id?: string) => {
              touch(id);
              change(event.formData);
            }}
          />
        )}
      </div>
    </Boundary>
  );
}

/** Without the name of its dialect: the validator knows one, and reads the others as that. */
function known({ $schema: _, ...schema }: Record<string, unknown>) {
  return schema;
}

/** What is wrong with a value, in the words of who fills in the form. */
function said(mistake: Mistake, trans: TranslationBundle): string {
  const params = mistake.params as Record<string, unknown>;
  const limit = String(params.limit);
  switch (mistake.name) {
    case 'required':
      return trans.__('It is needed.');
    case 'type':
      return trans.__('It is no %1.', params.type);
    case 'minimum':
      return trans.__('At least %1.', limit);
    case 'maximum':
      return trans.__('At most %1.', limit);
    case 'exclusiveMinimum':
      return trans.__('More than %1.', limit);
    case 'exclusiveMaximum':
      return trans.__('Less than %1.', limit);
    case 'multipleOf':
      return trans.__('A multiple of %1.', params.multipleOf);
    case 'minLength':
      return trans.__('At least %1 characters.', limit);
    case 'maxLength':
      return trans.__('At most %1 characters.', limit);
    case 'minItems':
      return trans.__('At least %1 of them.', limit);
    case 'maxItems':
      return trans.__('At most %1 of them.', limit);
    case 'uniqueItems':
      return trans.__('Two of them are the same.');
    case 'pattern':
      return trans.__('It does not fit %1.', params.pattern);
    case 'format':
      return trans.__('It is no %1.', params.format);
    case 'enum':
      return trans.__(
        'One of %1.',
        (params.allowedValues as unknown[])
          .map(value => JSON.stringify(value))
          .join(', ')
      );
    default:
      return mistake.message ?? trans.__('It does not fit.');
  }
}

/** Anybody may write any schema: one that a form breaks on breaks nothing else. */
class Boundary extends React.Component<
  React.PropsWithChildren<{ refuse: (why: string) => void }>,
  { broken: boolean }
> {
  static getDerivedStateFromError(): { broken: boolean } {
    return { broken: true };
  }

  override state = { broken: false };

  override componentDidCatch(error: Error): void {
    this.props.refuse(error.message);
  }

  override render(): React.ReactNode {
    return this.state.broken ? null : this.props.children;
  }
}
